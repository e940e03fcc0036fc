"""``penstock concurrency-limit``: limits of tags."""

from __future__ import annotations

from typing import Annotated

import typer

from penstock._link.client import path_of
from penstock.cli.ask import fail, request
from penstock.cli.tables import document, moment, table
from penstock.exceptions import ObjectNotFound

Tag = Annotated[str, typer.Argument(metavar="TAG")]
_PATH = "/api/concurrency_limits/"


def commands() -> typer.Typer:
    """Return the commands on limits of tags."""
    app = typer.Typer(no_args_is_help=True)
    for command in (create, inspect, ls, reset, delete):
        app.command()(command)
    return app


def create(tag: Tag, limit: Annotated[int, typer.Argument(metavar="LIMIT", min=0)]) -> None:
    """Set how many task runs with a tag may be running; 0 aborts them."""
    made = request("POST", _PATH, {"tag": tag, "concurrency_limit": limit})
    print(f"Tag {tag!r} has a concurrency limit of {made['concurrency_limit']} (id {made['id']}).")


def inspect(
    tag: Tag, output: Annotated[str | None, typer.Option("--output", "-o", help="Only json.")] = None
) -> None:
    """Show the limit of a tag and the task runs that hold its slots, as JSON."""
    if output not in (None, "json"):
        fail(f"There is no output format {output!r}; use json.")
    document(_asked("GET", tag))


def ls(
    limit: Annotated[int, typer.Option(help="How many, by tag.")] = 15,
    offset: Annotated[int, typer.Option(help="How many to leave out first.")] = 0,
) -> None:
    """List the limits of tags."""
    found = request("POST", f"{_PATH}filter", {"limit": limit, "offset": offset})
    rows = [
        (one["id"], one["tag"], one["concurrency_limit"], len(one["active_slots"]), moment(one["updated"]))
        for one in found
    ]
    table(("ID", "Tag", "Limit", "Taken", "Changed"), rows)


def reset(tag: Tag) -> None:
    """Free all slots of a tag, whoever holds them."""
    _asked("POST", tag, "reset")
    print(f"All slots of tag {tag!r} are free.")


def delete(tag: Tag) -> None:
    """Delete the limit of a tag."""
    _asked("DELETE", tag)
    print(f"Tag {tag!r} has no concurrency limit any more.")


def _asked(method: str, tag: str, *more: str) -> object:
    try:
        answer: object = request(
            method, path_of("api", "concurrency_limits", "tag", tag, *more), {} if more else None
        )
    except ObjectNotFound:
        fail(
            f"Tag {tag!r} has no concurrency limit. `penstock concurrency-limit ls` lists those that have one."
        )
    return answer
