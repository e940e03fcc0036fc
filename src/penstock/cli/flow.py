"""``penstock flow``."""

from __future__ import annotations

from typing import Annotated

import typer

from penstock.cli.ask import request
from penstock.cli.tables import moment, table


def commands() -> typer.Typer:
    """Return the commands on flows."""
    app = typer.Typer(no_args_is_help=True)
    app.command()(ls)
    app.command()(serve)
    return app


def ls(limit: Annotated[int, typer.Option(help="How many.")] = 15) -> None:
    """List flows, newest first."""
    found = request("POST", "/api/flows/filter", {"limit": limit, "sort": "CREATED_DESC"})
    table(("ID", "Name", "Created"), [(one["id"], one["name"], moment(one["created"])) for one in found])


def serve(
    entrypoint: Annotated[str, typer.Argument(help="path/to/file.py:flow or package.module.flow.")],
    name: Annotated[str, typer.Option("--name", "-n", help="Of the deployment.")],
    description: Annotated[str | None, typer.Option("--description", "-d")] = None,
    version: Annotated[str | None, typer.Option("--version", "-v")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", "-t", help="A tag of its runs.")] = None,
    cron: Annotated[str | None, typer.Option(help="A cron schedule.")] = None,
    interval: Annotated[float | None, typer.Option(help="Seconds between runs.")] = None,
    rrule: Annotated[str | None, typer.Option(help="A calendar rule.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Whose clock the schedule follows.")] = None,
    pause_on_shutdown: Annotated[bool, typer.Option(help="Pause the schedule at the end.")] = True,
    limit: Annotated[int | None, typer.Option(help="How many runs at a time in this process.")] = None,
    global_limit: Annotated[int | None, typer.Option(help="How many runs at a time, everywhere.")] = None,
) -> None:
    """Serve a flow until the process is stopped."""
    from penstock._loading.flows import load_flow_from_entrypoint
    from penstock._values.annotations import NotSet
    from penstock.deployments.runner import RunnerDeployment
    from penstock.runner import serve as serve_deployments
    from penstock.schedules import Schedule

    schedule = None
    if cron or interval or rrule:
        from datetime import timedelta

        span = timedelta(seconds=interval) if interval else None
        schedule = Schedule(cron=cron, interval=span, rrule=rrule, timezone=timezone)
    load_flow_from_entrypoint(entrypoint)
    deployment = RunnerDeployment.from_entrypoint(
        entrypoint,
        name,
        schedule=schedule,
        description=description,
        version=version,
        tags=tag,
        concurrency_limit=global_limit,
    )
    serve_deployments(
        deployment, pause_on_shutdown=pause_on_shutdown, limit=NotSet if limit is None else limit
    )
