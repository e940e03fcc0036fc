"""``penstock server``: the store process by hand."""

from __future__ import annotations

import json
import os
import time
from typing import Annotated, Any

import typer

from penstock._workspace import current_workspace
from penstock.cli.ask import fail, request


def commands() -> typer.Typer:
    """Return the commands on the store process."""
    app = typer.Typer(no_args_is_help=True)
    for command in (start, stop, status):
        app.command()(command)
    return app


def start(
    host: Annotated[str, typer.Option(help="A loopback address.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port; 0 takes a free one.")] = 4200,
) -> None:
    """Serve the workspace in the foreground until interrupted."""
    import sys

    arguments = [sys.executable, "-P", "-m", "penstock._store", "--home", str(current_workspace().home)]
    if (about := running()) is not None:
        fail(
            f"A store of this workspace runs already: process {about['pid']}. Stop it with: penstock server stop"
        )
    os.execv(sys.executable, [*arguments, "--foreground", "--host", host, "--port", str(port)])  # noqa: S606


def stop() -> None:
    """Ask the running store to finish what it does and exit."""
    about = running()
    if about is None:
        print("No store is running for this workspace.")
        return
    request("POST", "/link/stop", {})
    deadline = time.monotonic() + 20
    while running() is not None:
        if time.monotonic() > deadline:
            fail(
                f"The store (process {about['pid']}) has not stopped after 20 s. See {current_workspace().log}"
            )
        time.sleep(0.05)
    print(f"The store (process {about['pid']}) has stopped.")


def status() -> None:
    """Say whether a store runs and where."""
    about = running()
    if about is None:
        print(f"No store is running for {current_workspace().home}. Clients start one when they need it.")
        raise SystemExit(3)
    print(f"Process {about['pid']}, version {about['version']}, workspace {current_workspace().home}")
    print(f"API: http://127.0.0.1:{about['tcp_port']}/api")


def running() -> dict[str, Any] | None:
    """Return the endpoint of the running store; None when nobody holds the lock."""
    import fcntl

    workspace = current_workspace()
    try:
        with workspace.lock.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
    except FileNotFoundError:
        return None
    except OSError:
        try:
            about: dict[str, Any] = json.loads(workspace.endpoint.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {"pid": "?", "version": "?", "tcp_port": "?"}
        return about
