"""``penstock deployment``."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from penstock._link.client import path_of
from penstock.cli.ask import fail, request
from penstock.cli.tables import document, moment, table

Named = Annotated[str, typer.Argument(metavar="FLOW/NAME", help="Or the deployment's id.")]


def commands() -> typer.Typer:
    """Return the commands on deployments."""
    app = typer.Typer(no_args_is_help=True)
    for command in (ls, inspect, run, delete, pause, resume):
        app.command()(command)
    schedules = typer.Typer(no_args_is_help=True)
    schedules.command("ls")(schedule_ls)
    schedules.command("pause")(schedule_pause)
    schedules.command("resume")(schedule_resume)
    app.add_typer(schedules, name="schedule", help="Look at the schedules of a deployment.")
    return app


def ls(
    flow_name: Annotated[list[str] | None, typer.Option(help="Only deployments of these flows.")] = None,
) -> None:
    """List deployments."""
    body: dict[str, Any] = {"flows": {"name": {"any_": flow_name}}} if flow_name else {}
    found = request("POST", "/api/deployments/filter", body)
    ids = sorted({one["flow_id"] for one in found})
    flows = request("POST", "/api/flows/filter", {"flows": {"id": {"any_": ids}}}) if ids else []
    names = {one["id"]: one["name"] for one in flows}
    rows = [
        (one["id"], f"{names.get(one['flow_id'], '?')}/{one['name']}", _when(one), one["status"])
        for one in found
    ]
    table(("ID", "Name", "Schedules", "Status"), rows)


def inspect(name: Named) -> None:
    """Show a deployment as JSON."""
    document(_find(name))


def run(
    name: Named,
    param: Annotated[
        list[str] | None, typer.Option("--param", "-p", help="key=value; the value is JSON or text.")
    ] = None,
    params: Annotated[str | None, typer.Option(help="All parameters as a JSON object.")] = None,
    start_in: Annotated[float | None, typer.Option(help="Seconds until the run is due.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag of the run.")] = None,
    flow_run_name: Annotated[str | None, typer.Option(help="A name for the run.")] = None,
    watch: Annotated[bool, typer.Option(help="Wait for the end; the exit status says how it was.")] = False,
    watch_timeout: Annotated[float | None, typer.Option(help="Seconds to wait at most.")] = None,
) -> None:
    """Make a run of a deployment."""
    from datetime import timedelta

    from penstock._values.states import utc_now
    from penstock.deployments import run_deployment

    deployment = _find(name)
    given = _parameters(param or [], params)
    known = (deployment["parameter_openapi_schema"] or {}).get("properties") or {}
    unknown = sorted(set(given) - set(known)) if deployment["enforce_parameter_schema"] else []
    if unknown:
        fail(f"{name} has no parameters {', '.join(unknown)}; it has {', '.join(known) or 'none'}.")
    made = run_deployment(
        deployment["id"],
        parameters=given,
        scheduled_time=utc_now() + timedelta(seconds=start_in) if start_in else None,
        flow_run_name=flow_run_name,
        tags=tag,
        timeout=watch_timeout if watch else 0,
    )
    print(f"Flow run {made.name} ({made.id}) is {made.state_name}.")
    if watch and (made.state is None or not made.state.is_completed()):
        raise typer.Exit(1)


def delete(name: Named) -> None:
    """Delete a deployment and its runs that have not begun."""
    request("DELETE", path_of("api", "deployments", _find(name)["id"]))
    print(f"Deployment {name} is deleted.")


def pause(name: Named) -> None:
    """Pause the schedules of a deployment."""
    request("POST", path_of("api", "deployments", _find(name)["id"], "pause_deployment"), {})
    print(f"Deployment {name} is paused.")


def resume(name: Named) -> None:
    """Let the schedules of a deployment go on."""
    request("POST", path_of("api", "deployments", _find(name)["id"], "resume_deployment"), {})
    print(f"Deployment {name} goes on.")


def schedule_ls(name: Named) -> None:
    """List the schedules of a deployment."""
    rows = [
        (one["id"], _shown(one["schedule"]), "yes" if one["active"] else "no", moment(one["created"]))
        for one in _find(name)["schedules"]
    ]
    table(("ID", "Schedule", "Active", "Created"), rows)


def schedule_pause(name: Named, schedule_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Pause one schedule."""
    _switch(name, schedule_id, active=False)


def schedule_resume(name: Named, schedule_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Let one schedule go on."""
    _switch(name, schedule_id, active=True)


def _switch(name: str, schedule_id: str, *, active: bool) -> None:
    path = path_of("api", "deployments", _find(name)["id"], "schedules", schedule_id)
    request("PATCH", path, {"active": active})
    print(f"Schedule {schedule_id} of {name} is {'active' if active else 'paused'}.")


def _find(name: str) -> dict[str, Any]:
    flow, slash, own = name.partition("/")
    parts = ("api", "deployments", "name", flow, own) if slash else ("api", "deployments", name)
    found: dict[str, Any] = request("GET", path_of(*parts))
    return found


def _parameters(pairs: list[str], text: str | None) -> dict[str, Any]:
    try:
        given = json.loads(text) if text else {}
    except ValueError as error:
        fail(f"--params is not JSON: {error}")
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            fail(f"--param {pair!r} is not of the form key=value.")
        try:
            given[key] = json.loads(value)
        except ValueError:
            given[key] = value
    return given


def _when(one: dict[str, Any]) -> str:
    shown = ", ".join(_shown(schedule["schedule"]) for schedule in one["schedules"] if schedule["active"])
    return f"{shown} (paused)" if shown and one["paused"] else shown


def _shown(schedule: dict[str, Any]) -> str:
    if schedule.get("cron"):
        return f"cron {schedule['cron']}"
    return f"every {schedule['interval']:g} s" if schedule.get("interval") else str(schedule["rrule"])
