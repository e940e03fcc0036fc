"""Commands on the store process: ``penstock server start``, ``stop``, ``status``.

Reference page: api-ref/cli/server. There is one process with everything in it, so the options that spread a server over
several processes are not there.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Annotated, Any

import typer

from penstock._link.endpoint import Endpoint, read_endpoint
from penstock._link.spawn import launch
from penstock._workspace import Workspace, current_workspace, lock_holder
from penstock.cli.ask import fail, request
from penstock.settings import get_current_settings

#: Exit code of `status` when no store runs, as init scripts have it.
NOT_RUNNING = 3


def commands() -> typer.Typer:
    """Return the commands on the store process."""
    app = typer.Typer(no_args_is_help=True)
    for command in (start, stop, status):
        app.command()(command)
    return app


def start(
    host: Annotated[
        str | None, typer.Option(help="A loopback address (setting server.api.host: 127.0.0.1).")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="TCP port (setting server.api.port: 4200); 0 takes a free one.")
    ] = None,
    keep_alive_timeout: Annotated[
        float | None, typer.Option(help="Seconds before a silent connection is closed.")
    ] = None,
    background: Annotated[
        bool, typer.Option("--background", "-b", help="Return as soon as it answers; it stays until stopped.")
    ] = False,
) -> None:
    """Serve the workspace until interrupted, or until `penstock server stop`."""
    workspace, settings = current_workspace(), get_current_settings()
    about = running()
    if about is not None:
        fail(
            f"A store of this workspace runs already: process {about['pid']}. Stop it with: penstock server stop"
        )
    options = ["--foreground", "--host", host or str(settings.server_api_host)]
    options += ["--port", str(settings.server_api_port if port is None else port)]
    if keep_alive_timeout is not None:
        options += ["--keep-alive", str(keep_alive_timeout)]
    if background:
        _start_in_background(workspace, options)
        return
    arguments = [sys.executable, "-P", "-m", "penstock._store", "--home", str(workspace.home), *options]
    os.execv(sys.executable, arguments)  # noqa: S606


def _start_in_background(workspace: Workspace, options: list[str]) -> None:
    child = launch(workspace, *options)
    deadline = time.monotonic() + get_current_settings().store_start_timeout
    while (found := read_endpoint(workspace)) is None or found.pid != child.pid:
        if child.poll() is not None:
            fail(f"The store ended with code {child.returncode}; its log is {workspace.log}")
        if time.monotonic() > deadline:
            fail(f"The store (process {child.pid}) does not answer yet; its log is {workspace.log}")
        time.sleep(0.02)
    child.returncode = 0  # it goes on without us
    print(f"The store runs in the background: process {found.pid}. Stop it with: penstock server stop")
    print(f"API: {api_url(found)}")


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
                f"The store (process {about['pid']}) has not stopped after 20 s. See {current_workspace().log}; "
                f"what it acknowledged is safe, so this is allowed: kill -9 {about['pid']}"
            )
        time.sleep(0.05)
    print(f"The store (process {about['pid']}) has stopped.")


def status() -> None:
    """Say whether a store runs, where, and what the workspace holds; exits with 3 when none runs."""
    workspace, about = current_workspace(), running()
    print(f"Workspace: {workspace.home}")
    for line in files_of(workspace):
        print(line)
    if about is None:
        print("No store is running. Clients start one when they need it.")
        raise SystemExit(NOT_RUNNING)
    found = read_endpoint(workspace)
    print(f"Store: process {about['pid']}, version {found.version if found else '?'}")
    if found is not None:
        print(f"API: {api_url(found)}")


def files_of(workspace: Workspace) -> list[str]:
    """Say how big the database is and how many journals there are."""
    size = workspace.database.stat().st_size if workspace.database.exists() else 0
    living, archived = (
        len(list(folder.glob("*.jsonl"))) for folder in (workspace.journals, workspace.archive)
    )
    return [f"Database: {size / 1e6:.1f} MB", f"Journals: {living} open, {archived} archived"]


def api_url(endpoint: Endpoint) -> str:
    """Return the address of the REST API."""
    return f"http://127.0.0.1:{endpoint.tcp_port}/api"


def running() -> dict[str, Any] | None:
    """Return what the running store says of itself (`pid` at least); None when nobody holds the lock."""
    holder = lock_holder(current_workspace())
    return None if holder is None else {"pid": "?", **holder}
