"""Asking the store, and saying what it refused."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

from penstock._link.client import store

Record = dict[str, Any]


def request(method: str, path: str, body: object | None = None) -> Any:
    """Send one request to the workspace's store, which is started when it does not run."""
    return store().request(method, path, body)


def flow_run(run_id: str) -> Record:
    """Return a flow run."""
    found: Record = request("GET", f"/api/flow_runs/{run_id}")
    return found


def fail(message: str) -> NoReturn:
    """Say what went wrong and exit with code 1."""
    sys.stderr.write(message.rstrip() + "\n")
    raise SystemExit(1)


def json_of(text: str) -> Any:
    """Read JSON from an argument: the text itself, ``@file``, or ``-`` for standard input."""
    import json
    from pathlib import Path

    try:
        if text == "-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            text = Path(text[1:]).read_text(encoding="utf-8")
        return json.loads(text)
    except (OSError, ValueError) as error:
        fail(f"The input cannot be read: {error}")
