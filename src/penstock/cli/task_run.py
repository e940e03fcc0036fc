"""``penstock task-run``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from penstock.cli.ask import request
from penstock.cli.tables import document, moment, table


def commands() -> typer.Typer:
    """Return the commands on task runs."""
    app = typer.Typer(no_args_is_help=True)
    app.command()(ls)
    app.command()(inspect)
    return app


def ls(
    flow_run_id: Annotated[list[str] | None, typer.Option(help="Only task runs of these flow runs.")] = None,
    limit: Annotated[int, typer.Option(help="How many, newest first.")] = 15,
) -> None:
    """List task runs, newest first."""
    body: dict[str, Any] = {"limit": limit}
    if flow_run_id:
        body["task_runs"] = {"flow_run_id": {"any_": flow_run_id}}
    runs = request("POST", "/api/task_runs/filter", body)
    rows = [(run["id"], run["name"], run["state_name"], moment(run["start_time"])) for run in runs]
    table(("ID", "Name", "State", "Started"), rows)


def inspect(run_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Show a task run as JSON."""
    document(request("GET", f"/api/task_runs/{run_id}"))
