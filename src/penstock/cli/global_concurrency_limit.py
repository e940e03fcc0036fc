"""``penstock global-concurrency-limit``, ``penstock gcl`` for short."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from penstock._link.client import path_of
from penstock.cli.ask import fail, request
from penstock.cli.tables import document, moment, table
from penstock.exceptions import ObjectNotFound, StoreRefused

Name = Annotated[str, typer.Argument(metavar="NAME")]
Taken = Annotated[int | None, typer.Option("--active-slots", min=0, help="How many slots are taken.")]
Decay = Annotated[
    float | None,
    typer.Option("--slot-decay-per-second", min=0.0, help="Slots a second that come back by themselves."),
]
_PATH = "/api/v2/concurrency_limits/"


def commands() -> typer.Typer:
    """Return the commands on concurrency limits."""
    app = typer.Typer(no_args_is_help=True)
    for command in (ls, inspect, delete, enable, disable, update, create):
        app.command()(command)
    return app


def ls() -> None:
    """List concurrency limits by name."""
    rows = [
        (
            one["id"],
            one["name"],
            one["limit"],
            one["active_slots"],
            one["denied_slots"],
            one["slot_decay_per_second"],
            "yes" if one["active"] else "no",
            moment(one["updated"]),
        )
        for one in request("POST", f"{_PATH}filter", {})
    ]
    table(("ID", "Name", "Limit", "Taken", "Waited for", "Decay a second", "Active", "Changed"), rows)


def inspect(
    name: Name,
    output: Annotated[str | None, typer.Option("--output", "-o", help="Only json.")] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="Write to this .json file instead.")
    ] = None,
) -> None:
    """Show a concurrency limit as JSON."""
    if output not in (None, "json"):
        fail(f"There is no output format {output!r}; use json.")
    if file is not None and file.suffix != ".json":
        fail(f"The file must be a .json file, not {file.name!r}.")
    found = _asked("GET", name)
    if file is None:
        document(found)
    else:
        file.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        print(f"Written to {file}.")


def delete(name: Name) -> None:
    """Delete a concurrency limit; whoever waits for it goes on."""
    _asked("GET", name)
    sure = f"Are you sure you want to delete global concurrency limit {name!r}?"
    if _is_asked() and not typer.confirm(sure):
        fail("Nothing was deleted.")
    _asked("DELETE", name)
    print(f"Deleted global concurrency limit with name {name!r}.")


def enable(name: Name) -> None:
    """Let a concurrency limit limit."""
    _switch(name, to=True)


def disable(name: Name) -> None:
    """Let a concurrency limit limit nothing for the time being."""
    _switch(name, to=False)


def update(
    name: Name,
    enable: Annotated[bool, typer.Option("--enable", help="Let it limit.")] = False,
    disable: Annotated[bool, typer.Option("--disable", help="Let it limit nothing.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", "-l", min=0, help="How many slots it has.")] = None,
    active_slots: Taken = None,
    slot_decay_per_second: Decay = None,
) -> None:
    """Change a concurrency limit."""
    if enable and disable:
        fail("Use either --enable or --disable.")
    changes = {
        "active": enable or (False if disable else None),
        "limit": limit,
        "active_slots": active_slots,
        "slot_decay_per_second": slot_decay_per_second,
    }
    given = {key: value for key, value in changes.items() if value is not None}
    if not given:
        fail(
            "Nothing to change: give --enable, --disable, --limit, --active-slots or --slot-decay-per-second."
        )
    _asked("PATCH", name, given)
    print(f"Updated global concurrency limit with name {name!r}.")


def create(
    name: Name,
    limit: Annotated[int, typer.Option("--limit", "-l", min=0, help="How many slots it has.")],
    disable: Annotated[
        bool, typer.Option("--disable", "--inactive", help="It limits nothing for the time being.")
    ] = False,
    active_slots: Taken = None,
    slot_decay_per_second: Decay = None,
) -> None:
    """Make a concurrency limit."""
    body = {
        "name": name,
        "limit": limit,
        "active": not disable,
        "active_slots": active_slots or 0,
        "slot_decay_per_second": slot_decay_per_second or 0.0,
    }
    try:
        made = request("POST", _PATH, body)
    except StoreRefused as error:
        fail(_reason(error))
    print(f"Created global concurrency limit with name {name!r} and id {made['id']}.")


def _switch(name: str, *, to: bool) -> None:
    if _asked("GET", name)["active"] is to:
        fail(f"Global concurrency limit {name!r} is {'enabled' if to else 'disabled'} already.")
    _asked("PATCH", name, {"active": to})
    print(f"{'Enabled' if to else 'Disabled'} global concurrency limit with name {name!r}.")


def _asked(method: str, name: str, body: Any = None) -> Any:
    try:
        return request(method, path_of("api", "v2", "concurrency_limits", name), body)
    except ObjectNotFound:
        fail(f"There is no concurrency limit named {name!r}. `penstock gcl ls` lists them.")
    except StoreRefused as error:
        fail(_reason(error))


def _reason(error: StoreRefused) -> str:
    detail = (getattr(error, "body", None) or {}).get("exception_detail") or []
    return "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in detail) or error.reason


def _is_asked() -> bool:
    """True when somebody is there to answer."""
    import sys

    return sys.stdin.isatty()
