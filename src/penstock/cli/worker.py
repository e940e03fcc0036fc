"""``penstock worker``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from penstock._link.client import path_of, store
from penstock.cli.ask import fail
from penstock.exceptions import ObjectNotFound


def commands() -> typer.Typer:
    """Return the commands on workers."""
    app = typer.Typer(no_args_is_help=True)
    app.command()(start)
    app.callback()(_group)
    return app


def _group() -> None:
    """Start workers."""


def start(
    pool: Annotated[str, typer.Option("--pool", "-p", help="The work pool it starts runs of.")],
    name: Annotated[str | None, typer.Option("--name", "-n", help="Its name; made up by default.")] = None,
    work_queue: Annotated[
        list[str] | None, typer.Option("--work-queue", "-q", help="Only runs of this queue of the pool.")
    ] = None,
    kind: Annotated[str | None, typer.Option("--type", "-t", help="Its type; that of the pool.")] = None,
    prefetch_seconds: Annotated[
        float | None, typer.Option(help="How much ahead of its time a run is started.")
    ] = None,
    run_once: Annotated[bool, typer.Option("--run-once", help="End when what is due now has ended.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", "-l", min=1, help="Runs at a time.")] = None,
    with_healthcheck: Annotated[bool, typer.Option("--with-healthcheck", help="Not available yet.")] = False,
    install_policy: Annotated[str, typer.Option(help="Accepted for compatibility.")] = "prompt",
    base_job_template: Annotated[
        Path | None, typer.Option(help="A JSON file with the template of a pool that is made.")
    ] = None,
) -> None:
    """Start runs of a work pool as they are due, until it is stopped."""
    if with_healthcheck:
        fail("The worker's web server is not available yet; start without --with-healthcheck.")
    template = json.loads(base_job_template.read_text()) if base_job_template is not None else None
    worker_class = _class_of(kind or _type_of(pool) or "process")
    worker = worker_class(
        pool,
        work_queues=work_queue,
        name=name,
        prefetch_seconds=prefetch_seconds,
        limit=limit,
        base_job_template=template,
    )
    worker.work(run_once=run_once, printer=_say)


def _say(text: str) -> None:
    print(text, flush=True)


def _type_of(pool: str) -> str | None:
    """Return the type of a pool, None when there is no such pool yet."""
    try:
        found = store().request("GET", path_of("api", "work_pools", pool))
    except ObjectNotFound:
        return None
    return str(found["type"])


def _class_of(kind: str) -> Any:
    from penstock.workers.base import BaseWorker

    found = BaseWorker.get_worker_class_from_type(kind)
    if found is None:
        known = ", ".join(BaseWorker.get_all_available_worker_types())
        fail(f"There is no type of worker {kind!r} here; installed: {known}. Choose one with --type.")
    return found
