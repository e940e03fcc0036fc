"""``penstock flow-run``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from penstock.cli.ask import fail, flow_run, json_of, request
from penstock.cli.retry import retry
from penstock.cli.tables import document, moment, table


def commands() -> typer.Typer:
    """Return the commands on flow runs."""
    app = typer.Typer(no_args_is_help=True)
    for command in (ls, inspect, logs, resume, cancel, retry):
        app.command()(command)
    return app


def ls(
    limit: Annotated[int, typer.Option(help="How many, newest first.")] = 15,
    state: Annotated[list[str] | None, typer.Option(help="Only these states (type or name).")] = None,
    flow_name: Annotated[list[str] | None, typer.Option(help="Only runs of these flows.")] = None,
) -> None:
    """List flow runs, newest first."""
    body: dict[str, Any] = {"limit": limit, "sort": "START_TIME_DESC"}
    if state:
        types = {"any_": [text.upper() for text in state]}
        body["flow_runs"] = {"state": {"operator": "or_", "type": types, "name": {"any_": state}}}
    if flow_name:
        body["flows"] = {"name": {"any_": flow_name}}
    runs = request("POST", "/api/flow_runs/filter", body)
    rows = [
        (
            run["id"],
            run["state_name"],
            moment(run["start_time"] or run["created"]),
            run["flow_name"],
            run["name"],
        )
        for run in runs
    ]
    table(("ID", "State", "When", "Flow", "Name"), rows)


def inspect(run_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Show a flow run as JSON."""
    document(flow_run(run_id))


def logs(
    run_id: Annotated[str, typer.Argument(metavar="ID")],
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", help="At most so many lines; all by default.")
    ] = None,
) -> None:
    """Print the logs of a flow run."""
    flow_run(run_id)
    offset, levels = 0, {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}
    while limit is None or offset < limit:
        size = 200 if limit is None else min(200, limit - offset)
        body = {"logs": {"flow_run_id": {"any_": [run_id]}}, "limit": size, "offset": offset}
        lines = request("POST", "/api/logs/filter", body)
        for line in lines:
            level = levels.get(line["level"], str(line["level"]))
            print(f"{moment(line['timestamp'])} | {level:<7} | {line['name']} - {line['message']}")
        offset += len(lines)
        if len(lines) < size:
            return


def resume(
    run_id: Annotated[str, typer.Argument(metavar="ID")],
    given: Annotated[
        str | None, typer.Option("--input", help="JSON, @file, or - for standard input.")
    ] = None,
) -> None:
    """Let a paused flow run go on, with the input it asked for."""
    body = {"run_input": json_of(given)} if given is not None else {}
    answer = request("POST", f"/api/flow_runs/{run_id}/resume", body)
    if answer["status"] != "ACCEPT":
        fail(answer["details"].get("reason") or f"Flow run {run_id} was not resumed.")
    if answer["state"]["type"] == "SCHEDULED":
        print(f"Flow run {run_id} may go on, but its process is gone. Continue it with:")
        print(f"  PENSTOCK__FLOW_RUN_ID={run_id} python script.py")
    else:
        print(f"Flow run {run_id} goes on.")


def cancel(run_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Ask a flow run to stop."""
    body = {"state": {"type": "CANCELLING"}}
    answer = request("POST", f"/api/flow_runs/{run_id}/set_state", body)
    state = answer["state"]
    if state is None or state["type"] not in ("CANCELLING", "CANCELLED"):
        fail(f"Flow run {run_id} was not cancelled: {answer['details'].get('reason')}")
    print(f"Flow run {run_id} is {state['name']}.")
