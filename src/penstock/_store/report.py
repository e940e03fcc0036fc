"""What the store process says: lines on stderr, which is the workspace's log file."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Write one line to the log."""
    sys.stderr.write(f"store: {text}\n")
    sys.stderr.flush()
