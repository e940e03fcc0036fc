"""A store process that speaks another version of the protocol: ``other_version.py PROTOCOL --home FOLDER``."""

from __future__ import annotations

import sys

import penstock._workspace

penstock._workspace.PROTOCOL = int(sys.argv[1])

from penstock._store.__main__ import main

raise SystemExit(main(sys.argv[2:]))
