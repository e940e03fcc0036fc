"""Commands on the workspace itself: ``version``, ``sql``, ``doctor`` (in its own module)."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from typing import Annotated

import typer

from penstock._workspace import PROTOCOL
from penstock.cli.ask import request
from penstock.cli.doctor import doctor
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


def _installed(name: str) -> str:
    try:
        return installed(name)
    except PackageNotFoundError:
        return "not installed"
