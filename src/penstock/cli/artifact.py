"""``penstock artifact``."""

from __future__ import annotations

from typing import Annotated

import typer

from penstock.cli.ask import fail, request
from penstock.cli.tables import document, moment, table


def commands() -> typer.Typer:
    """Return the commands on artifacts."""
    app = typer.Typer(no_args_is_help=True)
    app.command()(ls)
    app.command()(inspect)
    return app


def ls(
    limit: Annotated[int, typer.Option(help="How many, newest first.")] = 100,
    every: Annotated[
        bool, typer.Option("--all", help="Every version, not only the latest of a key.")
    ] = False,
) -> None:
    """List artifacts, newest first."""
    seen: set[str] = set()
    rows = []
    for artifact in request("POST", "/api/artifacts/filter", {"limit": 200, "sort": "CREATED_DESC"}):
        key = artifact["key"]
        if key in seen and not every:
            continue
        seen |= {key} - {None}
        rows.append((artifact["id"], key, artifact["type"], moment(artifact["created"])))
    table(("ID", "Key", "Type", "Created"), rows[:limit])


def inspect(
    key: Annotated[str, typer.Argument()],
    limit: Annotated[int, typer.Option(help="How many versions, newest first.")] = 10,
) -> None:
    """Show the versions of an artifact as JSON."""
    body = {"artifacts": {"key": {"any_": [key]}}, "sort": "CREATED_DESC", "limit": limit}
    found = request("POST", "/api/artifacts/filter", body)
    if not found:
        fail(f"There is no artifact with key {key!r}.")
    document(found)
