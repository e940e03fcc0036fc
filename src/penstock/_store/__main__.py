"""``python -m penstock._store``: take the lock first, import what is heavy afterwards."""

from __future__ import annotations

import os
import sys
from pathlib import Path

#: Exit code of a process that finds another one serving the workspace (EX_TEMPFAIL).
ALREADY_SERVED = 75


def main(argv: list[str] | None = None) -> int:
    """Serve a workspace until it is idle or told to stop; returns the exit code."""
    import argparse

    parser = argparse.ArgumentParser(
        prog="penstock._store", description="The store process of one workspace."
    )
    parser.add_argument("--home", type=Path, help="the workspace (default: PENSTOCK_HOME)")
    parser.add_argument("--host", default="127.0.0.1", help="loopback address for browsers and workers")
    parser.add_argument("--port", type=int, default=0, help="TCP port; 0 takes a free one")
    parser.add_argument(
        "--foreground", action="store_true", help="print the address; never stop for being idle"
    )
    parser.add_argument(
        "--keep-alive", type=float, default=300.0, help="seconds before a silent connection is closed"
    )
    options = parser.parse_args(argv)
    if options.home is not None:
        os.environ["PENSTOCK_HOME"] = str(options.home)

    from penstock._workspace import current_workspace, take_lock
    from penstock.exceptions import ConfigurationError

    os.umask(0o077)
    try:
        workspace = current_workspace().prepare()
        lock = take_lock(workspace)
    except (ConfigurationError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 78
    if lock is None:
        return ALREADY_SERVED

    from penstock._store.process import serve

    return serve(
        workspace,
        lock,
        host=options.host,
        port=options.port,
        foreground=options.foreground,
        keep_alive=options.keep_alive,
    )


if __name__ == "__main__":
    raise SystemExit(main())
