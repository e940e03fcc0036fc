"""``penstock work-pool``."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from penstock._link.client import path_of, store
from penstock.cli.ask import fail, request
from penstock.cli.tables import document, moment, table
from penstock.exceptions import ObjectNotFound

Named = Annotated[str, typer.Argument(metavar="NAME")]
TemplateFile = Annotated[
    Path | None, typer.Option(help="A JSON file with the base job template; - reads standard input.")
]


def commands() -> typer.Typer:
    """Return the commands on work pools."""
    app = typer.Typer(no_args_is_help=True)
    parts: tuple[Callable[..., None], ...] = (
        *(create, ls, inspect, pause, resume, update, delete, preview),
        *(set_concurrency_limit, clear_concurrency_limit, get_default_base_job_template),
    )
    for command in parts:
        app.command()(command)
    return app


def create(
    name: Named,
    base_job_template: TemplateFile = None,
    paused: Annotated[bool, typer.Option("--paused", help="Its runs wait.")] = False,
    kind: Annotated[str | None, typer.Option("--type", "-t", help="What its workers start.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Change the pool of this name.")] = False,
) -> None:
    """Make a work pool."""
    worker = _worker(kind or "process")
    template = _template(base_job_template) or worker.get_default_base_job_template()
    body: dict[str, Any] = {"base_job_template": template, "is_paused": paused}
    if overwrite and _is_there(name):
        request("PATCH", path_of("api", "work_pools", name), body)
        print(f"Work pool {name!r} is updated.")
        return
    request("POST", "/api/work_pools/", {"name": name, "type": worker.type, **body})
    print(f"Work pool {name!r} is made. Start a worker with: penstock worker start --pool {name!r}")


def ls(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show descriptions, too.")] = False,
) -> None:
    """List work pools."""
    found = request("POST", "/api/work_pools/filter", {})
    columns = ["Name", "Type", "ID", "Limit", "Status", *(["Description"] if verbose else [])]
    rows = [
        (
            one["name"],
            one["type"],
            one["id"],
            "none" if one["concurrency_limit"] is None else one["concurrency_limit"],
            one["status"],
            *([one["description"]] if verbose else []),
        )
        for one in found
    ]
    table(columns, rows)


def inspect(
    name: Named, output: Annotated[str | None, typer.Option("--output", "-o", help="json")] = None
) -> None:
    """Show a work pool as JSON."""
    document(request("GET", path_of("api", "work_pools", name)))


def pause(name: Named) -> None:
    """Let the runs of a work pool wait."""
    _change(name, {"is_paused": True}, "is paused")


def resume(name: Named) -> None:
    """Let the runs of a work pool go on."""
    _change(name, {"is_paused": False}, "goes on")


def update(
    name: Named,
    base_job_template: TemplateFile = None,
    concurrency_limit: Annotated[int | None, typer.Option(min=0)] = None,
    description: Annotated[str | None, typer.Option()] = None,
) -> None:
    """Change a work pool."""
    given = {
        "base_job_template": _template(base_job_template),
        "concurrency_limit": concurrency_limit,
        "description": description,
    }
    sent = {key: value for key, value in given.items() if value is not None}
    if not sent:
        fail("Nothing to change: give --base-job-template, --concurrency-limit or --description.")
    _change(name, sent, "is updated")


def delete(name: Named) -> None:
    """Delete a work pool with its queues; its runs and deployments stay."""
    request("DELETE", path_of("api", "work_pools", name))
    print(f"Work pool {name!r} is deleted.")


def set_concurrency_limit(
    name: Named, concurrency_limit: Annotated[int, typer.Argument(metavar="N", min=0)]
) -> None:
    """Limit how many runs of a work pool go on at a time."""
    _change(name, {"concurrency_limit": concurrency_limit}, f"runs {concurrency_limit} at a time")


def clear_concurrency_limit(name: Named) -> None:
    """Let any number of runs of a work pool go on."""
    _change(name, {"concurrency_limit": None}, "has no limit")


def get_default_base_job_template(
    kind: Annotated[str, typer.Option("--type", "-t", help="A type of worker.")],
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Write it here.")] = None,
) -> None:
    """Show the base job template of a type of worker."""
    template = _worker(kind).get_default_base_job_template()
    if file is None:
        document(template)
    else:
        file.write_text(json.dumps(template, indent=2) + "\n")


def preview(
    name: Named,
    hours: Annotated[float, typer.Option("--hours", "-h", help="How far to look ahead.")] = 1,
) -> None:
    """List the runs of a work pool that are due within some hours."""
    until = datetime.now(UTC) + timedelta(hours=hours)
    which = {
        "state": {"type": {"any_": ["SCHEDULED"]}},
        "next_scheduled_start_time": {"before_": until.isoformat()},
    }
    body = {"flow_runs": which, "sort": "NEXT_SCHEDULED_START_TIME_ASC"}
    request("GET", path_of("api", "work_pools", name))
    found = [one for one in request("POST", "/api/flow_runs/filter", body) if one["work_pool_name"] == name]
    rows = [
        (moment(one["next_scheduled_start_time"]), one["id"], one["name"], one["work_queue_name"])
        for one in found
    ]
    table(("Due", "ID", "Name", "Queue"), rows)


def _change(name: str, fields: dict[str, Any], what: str) -> None:
    request("PATCH", path_of("api", "work_pools", name), fields)
    print(f"Work pool {name!r} {what}.")


def _is_there(name: str) -> bool:
    try:
        store().request("GET", path_of("api", "work_pools", name))
    except ObjectNotFound:
        return False
    return True


def _worker(kind: str) -> Any:
    from penstock.workers.base import BaseWorker

    found = BaseWorker.get_worker_class_from_type(kind)
    if found is None:
        known = ", ".join(BaseWorker.get_all_available_worker_types())
        fail(f"There is no type of worker {kind!r} here; installed: {known}.")
    return found


def _template(file: Path | None) -> dict[str, Any] | None:
    if file is None:
        return None
    try:
        text = typer.get_text_stream("stdin").read() if str(file) == "-" else file.read_text()
        found = json.loads(text)
    except (OSError, ValueError) as error:
        fail(f"The base job template {file} cannot be read: {error}")
    if not isinstance(found, dict):
        fail(f"The base job template {file} must be a JSON object.")
    return found
