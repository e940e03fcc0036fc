"""Commands on the workspace itself: ``version``, ``sql``, ``doctor``."""

from __future__ import annotations

import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from typing import Annotated

import typer

from penstock._workspace import PROTOCOL, current_workspace
from penstock.cli.ask import request
from penstock.cli.server import running
from penstock.cli.tables import document, table


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (version, sql, doctor):
        app.command()(command)


def version() -> None:
    """Print versions of Penstock, Python and what it stands on."""
    print(f"{'Penstock':<12}{_installed('penstock')}")
    print(f"{'Protocol':<12}{PROTOCOL}")
    print(f"{'Python':<12}{platform.python_version()}")
    print(f"{'Platform':<12}{platform.system()} {platform.machine()}")
    for name in ("duckdb", "pydantic", "distributed", "ray", "ipykernel"):
        print(f"{name:<12}{_installed(name)}")


def sql(
    query: Annotated[str, typer.Argument(metavar="SELECT")],
    limit: Annotated[int, typer.Option(help="At most so many rows.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run a SELECT over the views runs, task_runs, states, logs, artifacts, edges, events."""
    answer = request("POST", "/link/sql", {"sql": query, "limit": limit})
    names = [column["name"] for column in answer["columns"]]
    if as_json:
        document([dict(zip(names, row, strict=True)) for row in answer["rows"]])
        return
    table(names, answer["rows"])
    if answer["truncated"]:
        sys.stderr.write(f"Only the first {limit} rows are shown; use --limit.\n")


def doctor() -> None:
    """Look at the workspace and say what is wrong with it; exits with 1 when something is."""
    workspace = current_workspace()
    problems = []
    print(f"workspace   {workspace.home}")
    if not workspace.home.exists():
        print("            does not exist yet; the first run makes it")
        return
    about = running()
    print(f"store       {'process ' + str(about['pid']) if about else 'not running'}")
    size = workspace.database.stat().st_size if workspace.database.exists() else 0
    print(f"database    {size / 1e6:.1f} MB")
    living = sorted(workspace.journals.glob("*.jsonl"))
    print(f"journals    {len(living)} open, {len(list(workspace.archive.glob('*.jsonl')))} archived")
    free = shutil.disk_usage(workspace.home).free
    print(f"disk        {free / 1e9:.1f} GB free")
    if free < 100_000_000:
        problems.append("Less than 100 MB of disk are left: free some, events are kept in memory until then.")
    kept = sorted(workspace.quarantine.glob("*")) if workspace.quarantine.exists() else []
    if kept:
        problems.append(f"A database could not be read and was rebuilt; it is kept in {kept[-1]}")
    if about is not None and about["version"] != _installed("penstock"):
        problems.append("The running store is of another version; run: penstock server stop")
    version()
    for problem in problems:
        print(f"! {problem}")
    raise SystemExit(1 if problems else 0)


def _installed(name: str) -> str:
    try:
        return installed(name)
    except PackageNotFoundError:
        return "not installed"
