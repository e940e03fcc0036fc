"""What the store decides about deployments and their schedules. Every function runs on the writer thread.

A deployment is one document: the fields that requests have, its schedules with their ids, and when it was made and
changed. When it is looked after is memory only (`core.polled`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from penstock._ids import new_id
from penstock._journal.liveness import is_alive
from penstock._store import changes, pools
from penstock._store.core import Core
from penstock._store.documents import put
from penstock._store.live import LiveRun
from penstock._store.requests import missing, refusal
from penstock._values.states import StateType

KIND = "deployment"
Deployment = dict[str, Any]
#: What is kept of a deployment when it is sent again without it.
_KEPT = ("id", "created", "flow_id", "name", "paused")


def find(core: Core, deployment_id: str) -> Deployment:
    """Return a deployment.

    Raises:
        Refused: 404, there is none with this id.
    """
    found = core.documents.of(KIND).get(deployment_id)
    if found is None:
        raise missing(f"deployment with id {deployment_id}")
    return found


def by_name(core: Core, flow_name: str, name: str) -> Deployment:
    """Return the deployment of a flow's name and its own.

    Raises:
        Refused: 404, there is none.
    """
    flow_id = core.flow_ids.get(flow_name)
    for one in core.documents.of(KIND).values():
        if one["name"] == name and one["flow_id"] == flow_id:
            return one
    raise missing(f"deployment {flow_name}/{name}")


def upsert(core: Core, sent: Deployment, defaults: Deployment) -> tuple[str, bool]:
    """Make a deployment, or bring the one of this flow and name up to date; its schedules are replaced.

    Args:
        core: the writer.
        sent: the fields of the request.
        defaults: what fields are that were not sent.

    Raises:
        Refused: 404, there is no such flow or work pool; 409, two schedules have one slug.
    """
    if sent["flow_id"] not in core.flow_ids.values():
        raise missing(f"flow with id {sent['flow_id']}")
    same = (sent["flow_id"], sent["name"])
    known = next((d for d in core.documents.of(KIND).values() if (d["flow_id"], d["name"]) == same), None)
    before: Deployment = known or {"id": str(new_id()), "created": _now()}
    kept = {name: before[name] for name in _KEPT if name in before}
    labels = {**before.get("labels", {}), **sent.get("labels", {})}
    body = {**defaults, **kept, **sent, "labels": labels}
    body["schedules"] = _made(sent.get("schedules") or ())
    pools.placement(core, body["work_pool_name"], body["work_queue_name"])
    _write(core, body)
    return body["id"], known is None


def update(core: Core, deployment_id: str, sent: Deployment) -> None:
    """Change the fields that were sent.

    Schedules that all have slugs, here and there, are matched by them and the others stay; without slugs all are
    replaced.

    Raises:
        Refused: 404, there is none; 422, only some of the schedules have slugs.
    """
    before = find(core, deployment_id)
    body = {**before, **sent}
    if "schedules" in sent:
        body["schedules"] = _merged(before["schedules"], sent["schedules"])
    pools.placement(core, sent.get("work_pool_name"), body["work_queue_name"])
    _write(core, body)


def delete(core: Core, deployment_id: str) -> None:
    """Delete a deployment and its runs that have not begun.

    Raises:
        Refused: 404, there is none.
    """
    find(core, deployment_id)
    for run in _scheduled(core, deployment_id):
        changes.delete(core, "flow_run", run.id)
    put(core, KIND, deployment_id, None)


def delete_of_flow(core: Core, flow_id: str) -> None:
    """Delete all deployments of a flow."""
    for one in [d for d in core.documents.of(KIND).values() if d["flow_id"] == flow_id]:
        delete(core, one["id"])


def pause(core: Core, deployment_id: str, *, paused: bool) -> None:
    """Stop or start the schedules of a deployment; runs that were made for them and have not begun are deleted.

    Raises:
        Refused: 404, there is none.
    """
    _write(core, {**find(core, deployment_id), "paused": paused})


def add_schedules(core: Core, deployment_id: str, sent: list[Deployment]) -> list[Deployment]:
    """Give a deployment more schedules and return them.

    Raises:
        Refused: 404, there is no such deployment; 409, a slug is taken.
    """
    body = find(core, deployment_id)
    made = _made(sent, {one["slug"] for one in body["schedules"] if one["slug"]})
    _write(core, {**body, "schedules": [*body["schedules"], *made]})
    return made


def update_schedule(core: Core, deployment_id: str, schedule_id: str, sent: Deployment) -> None:
    """Change what was sent of a schedule.

    Raises:
        Refused: 404, there is no such deployment or schedule.
    """
    body = find(core, deployment_id)
    _one(body, schedule_id)
    changed = [{**one, **sent} if one["id"] == schedule_id else one for one in body["schedules"]]
    _write(core, {**body, "schedules": changed})


def delete_schedule(core: Core, deployment_id: str, schedule_id: str) -> None:
    """Delete a schedule.

    Raises:
        Refused: 404, there is no such deployment or schedule.
    """
    body = find(core, deployment_id)
    _one(body, schedule_id)
    _write(core, {**body, "schedules": [one for one in body["schedules"] if one["id"] != schedule_id]})


def due(core: Core, deployment_ids: Iterable[str], before: datetime, limit: int) -> list[LiveRun]:
    """Return the scheduled runs of deployments that are due, the earliest first; who asks looks after them.

    A run whose process lives is not for others: it waits there for its next attempt, or leaves a run that was suspended.
    """
    wanted = set(deployment_ids)
    now = datetime.now(UTC)
    core.polled.update((one, now) for one in wanted)
    found = [
        run
        for one in wanted
        for run in _scheduled(core, one)
        if start_of(run) <= before and not is_alive(core.journals, run.owner)
    ]
    return sorted(found, key=lambda run: (start_of(run), run.id))[:limit]


def next_start(core: Core, deployment_ids: Iterable[str]) -> datetime | None:
    """Return when the earliest scheduled run of deployments is due, None when there is none."""
    return min((start_of(run) for one in deployment_ids for run in _scheduled(core, one)), default=None)


def start_of(run: LiveRun) -> datetime:
    """Return when a scheduled run is due."""
    assert run.state is not None
    return run.state.state_details.scheduled_time or run.state.timestamp


def _write(core: Core, body: Deployment) -> None:
    """Write a deployment; its automatic runs that have not begun are made again where they are still wanted."""
    for run in _scheduled(core, body["id"]):
        waiting = run.state is not None and run.state.name == "AwaitingConcurrencySlot"
        if run.body.get("auto_scheduled") and run.run_count == 0 and not waiting:
            changes.delete(core, "flow_run", run.id)
    put(core, KIND, body["id"], {**body, "updated": _now()})


def _scheduled(core: Core, deployment_id: str) -> list[LiveRun]:
    return [
        run
        for run in core.runs.values()
        if run.body.get("deployment_id") == deployment_id
        and run.state is not None
        and run.state.type is StateType.SCHEDULED
    ]


def _made(sent: Iterable[Deployment], taken: set[str] | None = None) -> list[Deployment]:
    """Return schedules with ids and every field.

    Raises:
        Refused: 409, a slug is there twice.
    """
    slugs: set[str | None] = set(taken or ())
    made = []
    for one in sent:
        slug = one.get("slug")
        if slug is not None and slug in slugs:
            text = f"There is a schedule with slug {slug!r} already."
            raise refusal(409, text)
        slugs.add(slug)
        if one.get("schedule") is None:
            text = "A new schedule needs its schedule: interval, cron or rrule."
            raise refusal(422, text)
        fields: Deployment = {"active": True, "max_scheduled_runs": None, "parameters": {}, "slug": None}
        given = {name: value for name, value in one.items() if value is not None}
        made.append({**fields, **given, "id": str(new_id()), "created": _now()})
    return made


def _merged(before: list[Deployment], sent: list[Deployment]) -> list[Deployment]:
    ours, theirs = [bool(one["slug"]) for one in before], [bool(one.get("slug")) for one in sent]
    if not before or not all(ours):
        return _made(sent)
    if not all(theirs):
        text = "The schedules of this deployment have slugs, so all that are sent need one."
        raise refusal(422, text)
    news = {one["slug"]: one for one in sent}
    kept = [{**one, **news.pop(one["slug"], {})} for one in before]
    return kept + _made(news.values())


def _one(body: Deployment, schedule_id: str) -> Deployment:
    found: Deployment | None = next((s for s in body["schedules"] if s["id"] == schedule_id), None)
    if found is None:
        raise missing(f"schedule with id {schedule_id} of deployment {body['name']!r}")
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
