"""``penstock store``: the files of the store: write them out, copy, check, rebuild, make smaller, forget what is old."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from penstock._ids import now_us
from penstock._link.client import store
from penstock._link.spawn import Starter
from penstock._query import parquet_of
from penstock._workspace import Workspace, current_workspace, lock_holder
from penstock.cli.ask import fail, request
from penstock.cli.tables import document
from penstock.settings import get_current_settings

#: Seconds that work on the whole database may take.
_LONG = 3600.0
_STOP_SECONDS = 60.0
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
#: The public views that are written out; `latest_artifacts` repeats rows of `artifacts`.
VIEWS = (
    "flows",
    "runs",
    "task_runs",
    "states",
    "logs",
    "artifacts",
    "edges",
    "events",
    "inputs",
    "variables",
)


class Format(str, Enum):
    """How views are written."""

    PARQUET = "parquet"
    CSV = "csv"
    JSON = "json"


def commands() -> typer.Typer:
    """Return the commands on the store's files."""
    app = typer.Typer(no_args_is_help=True)
    for command in (export, snapshot, check, vacuum, rebuild, prune):
        app.command()(command)
    return app


def export(
    folder: Annotated[Path, typer.Argument(help="Where the files go; it is made when missing.")],
    form: Annotated[Format, typer.Option("--format", help="Of the files.")] = Format.PARQUET,
    view: Annotated[list[str] | None, typer.Option(help="Only this view; may be given again.")] = None,
) -> None:
    """Write the public views to files, one a view. JSON has one object a line."""
    wanted = view or list(VIEWS)
    if unknown := sorted(set(wanted) - set(VIEWS)):
        fail(f"There is no view {', '.join(unknown)}; there are {', '.join(VIEWS)}.")
    folder.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        target = folder / f"{name}.{form.value}"
        print(f"{_write(name, target, form):>10} rows  {target}")


def snapshot() -> None:
    """Copy the database into the folder `snapshots` of the workspace; the newest two are kept."""
    taken = _upkeep("snapshot")
    print(f"{taken['path']}: {taken['lines']} lines, {_size(taken['bytes'])}")


def check() -> None:
    """Read the whole database and compare it with the journals; exits with 1 when something is wrong."""
    problems = _upkeep("check")["problems"]
    for problem in problems:
        print(problem)
    if problems:
        fail("The database can be made anew from snapshots and journals: penstock store rebuild")
    print("All blocks can be read, and all lines of the journals are there.")


def vacuum() -> None:
    """Write the database file anew without its holes; requests wait meanwhile."""
    sizes = _upkeep("vacuum")
    print(f"{_size(sizes['before'])} before, {_size(sizes['after'])} after")


def rebuild() -> None:
    """Make the database anew from snapshots and journals; the old file is kept in `quarantine`."""
    from penstock._store.database import Database

    workspace = current_workspace().prepare()
    before = set(workspace.quarantine.glob("*"))
    _stop(workspace)
    # The store that starts next does it, tells clients to wait as usual, and records that it did.
    (workspace.home / Database.DAMAGED).write_text("penstock store rebuild", encoding="utf-8")
    Starter(workspace).wait(_LONG)
    rows = request("POST", "/link/sql", {"sql": "SELECT count(*) FROM runs"})["rows"]
    print(f"Rebuilt: {rows[0][0]} flow runs.")
    for kept in sorted(set(workspace.quarantine.glob("*")) - before):
        print(f"The file it replaces is kept in {kept}; remove it when all is well.")


def prune(
    older_than: Annotated[str, typer.Option(help="Of runs that ended longer ago: 30d, 12h, 2w.")],
    results: Annotated[
        bool, typer.Option("--results", help="Also results in the workspace that no run refers to any more.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Delete runs that ended long ago, with their states, logs, artifacts and journals. There is no way back."""
    age = span(older_than)
    before = now_us() - int(age.total_seconds() * 1_000_000)
    done = _upkeep("prune", before_us=before, dry_run=dry_run)
    if results:
        done["results"] = _prune_results(before / 1_000_000, dry_run=dry_run)
    if as_json:
        document(done)
        return
    verb = "would be deleted" if dry_run else "were deleted"
    print(
        f"{done['flow_run']} flow runs, {done['task_run']} task runs outside of flows and {done['artifact']} ",
        end="",
    )
    print(f"artifacts {verb}.")
    if results:
        print(f"{done['results']} results {verb}.")
    if not dry_run:
        print(f"Database: {_size(done['bytes_before'])} before, {_size(done['bytes_after'])} after.")


def span(text: str) -> timedelta:
    """Return a length of time written as a number and a unit.

    Example:
        >>> span("30d").days
        30
    """
    found = re.fullmatch(r"(\d+)([smhdw])", text.strip())
    if found is None:
        fail(f"--older-than {text}: write a number and one of s, m, h, d, w, such as 30d.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _upkeep(what: str, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = store().request("POST", "/link/upkeep", {"do": what, **more}, timeout=_LONG)
    return answer


def _write(view: str, target: Path, form: Format) -> int:
    """Write one view and return how many rows it has."""
    import duckdb

    with parquet_of(f"FROM {view}", None, _LONG) as path, duckdb.connect() as memory:
        rows = memory.from_parquet(str(path))
        # Written beside and renamed: who looks into the folder sees a whole file or none.
        beside = target.with_name(f".{target.name}")
        match form:
            case Format.PARQUET:
                rows.write_parquet(str(beside))
            case Format.CSV:
                rows.write_csv(str(beside), header=True)
            case Format.JSON:
                rows.query(
                    "answer", f"COPY answer TO '{str(beside).replace(chr(39), chr(39) * 2)}' (FORMAT json)"
                )
        beside.replace(target)
        return int(rows.aggregate("count(*)").fetchall()[0][0])


def _prune_results(before: float, *, dry_run: bool) -> int:
    """Delete result files of the workspace that are older than a time and that no run refers to."""
    folder = get_current_settings().results_local_storage_path
    sql = "SELECT DISTINCT details->>'$.cache_key' FROM states WHERE details->>'$.cache_key' IS NOT NULL"
    with parquet_of(sql, None, _LONG) as path:
        import duckdb

        with duckdb.connect() as memory:
            kept = {row[0] for row in memory.from_parquet(str(path)).fetchall()}
    old = [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        and file.stat().st_mtime < before
        and file.relative_to(folder).as_posix() not in kept
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]
    if not dry_run:
        for file in old:
            file.unlink(missing_ok=True)
    return len(old)


def _stop(workspace: Workspace) -> None:
    if lock_holder(workspace) is None:
        return
    store().request("POST", "/link/stop", {}, start=False)
    deadline = time.monotonic() + _STOP_SECONDS
    while (holder := lock_holder(workspace)) is not None:
        if time.monotonic() > deadline:
            fail(f"The store (process {holder.get('pid')}) does not stop; `penstock doctor` looks at it.")
        time.sleep(0.05)


def _size(number: int) -> str:
    return f"{number / 1e6:.1f} MB"
