"""Rows of the views as the JSON of the REST API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from penstock._values.states import TERMINAL, State, StateDetails, StateType

Record = dict[str, Any]


def when(value: datetime | None) -> str | None:
    """Return a view's time as RFC 3339 text."""
    return None if value is None else value.isoformat() + "Z"


def state(row: Record) -> Record | None:
    """Return the present state of a run from the `state_*` columns of its row."""
    if row.get("state_id") is None:
        return None
    return state_of(row["state_id"], row["state_type"], row["state_name"], row)


def state_of(identity: Any, kind: str, name: str, row: Record) -> Record:
    """Return a state in full."""
    details = row.get("state_details")
    moment: datetime = row["state_timestamp"]
    made = State(
        StateType(kind),
        name=name,
        message=row.get("state_message"),
        state_details=StateDetails.from_json(orjson.loads(details) if details else None),
        timestamp=moment.replace(tzinfo=UTC),
        id=identity,
    )
    return made.to_json()


def _running_seconds(row: Record, now: datetime) -> float:
    if row.get("state_type") == "RUNNING" and row.get("start_time") is not None:
        return max(0.0, float((now - row["state_timestamp"]).total_seconds()))
    return 0.0


def _late_seconds(row: Record, now: datetime) -> float:
    """How much later than expected a run started, or is by now; the same rule is in `measures.LATENESS`."""
    expected, start = row.get("expected_start_time"), row.get("start_time")
    if expected is None or (start is None and row["state_type"] in _ENDED):
        return 0.0
    return max(0.0, float(((start or now) - expected).total_seconds()))


_ENDED = {kind.value for kind in TERMINAL}


def _common(row: Record, now: datetime, more: Record) -> Record:
    run_time = float(row.get("total_run_time", row["duration"]) or 0.0)
    expected = row.get("expected_start_time")
    due = row.get("next_scheduled_start_time", expected)
    return {
        "id": str(row["id"]),
        "created": when(row["created"]),
        "updated": when(row["updated"]),
        "name": row["name"],
        "state_id": str(row["state_id"]) if row["state_id"] else None,
        "state_type": row["state_type"],
        "state_name": row["state_name"],
        "run_count": row["run_count"],
        "expected_start_time": when(expected),
        "next_scheduled_start_time": when(due) if row["state_type"] == "SCHEDULED" else None,
        "start_time": when(row.get("start_time")),
        "end_time": when(row["end_time"]),
        "total_run_time": run_time,
        "estimated_run_time": run_time + _running_seconds(row, now),
        "estimated_start_time_delta": _late_seconds(row, now),
        "tags": row["tags"],
        "labels": more.get("labels") or {},
        "state": state(row),
    }


def flow(row: Record, more: Record | None = None) -> Record:
    """Return a flow; `more` is what was recorded beside its columns."""
    return {
        **_stamped(row),
        "name": row["name"],
        "tags": row["tags"],
        "labels": (more or {}).get("labels") or {},
    }


_FLOW_RUN_POLICY: Record = {
    "max_retries": 0,
    "retry_delay_seconds": 0,
    "retries": None,
    "retry_delay": None,
    "pause_keys": [],
    "resuming": False,
    "retry_type": None,
}
_TASK_RUN_POLICY: Record = {
    "max_retries": 0,
    "retry_delay_seconds": 0,
    "retries": None,
    "retry_delay": None,
    "retry_jitter_factor": None,
}
#: Documented fields of a flow run that have no column: null unless they were sent.
_FLOW_RUN_MORE = (
    "deployment_version",
    "work_queue_id",
    "work_queue_name",
    "infrastructure_document_id",
    "infrastructure_pid",
    "created_by",
    "work_pool_id",
    "work_pool_name",
    "job_variables",
)


def flow_run(row: Record, now: datetime, more: Record | None = None) -> Record:
    """Return a flow run with every documented field; what does not exist yet is null."""
    extra = more or {}
    return {
        **_common(row, now, extra),
        **{name: extra.get(name) for name in _FLOW_RUN_MORE},
        "flow_id": str(row["flow_id"]),
        "flow_name": row["flow_name"],
        "flow_version": row["flow_version"],
        "deployment_id": _id(row["deployment_id"]),
        "parameters": orjson.loads(row["parameters"] or "{}"),
        "idempotency_key": row["idempotency_key"],
        "context": extra.get("context") or {},
        "empirical_policy": _FLOW_RUN_POLICY | (extra.get("empirical_policy") or {}),
        "parent_task_run_id": _id(row["parent_task_run_id"]),
        "auto_scheduled": bool(extra.get("auto_scheduled")),
    }


def task_run(row: Record, now: datetime, more: Record | None = None) -> Record:
    """Return a task run with every documented field."""
    extra = more or {}
    return {
        **_common(row, now, extra),
        "flow_run_id": _id(row["flow_run_id"]),
        "task_key": row["task_key"],
        "dynamic_key": row["dynamic_key"],
        "task_version": extra.get("task_version"),
        "cache_key": extra.get("cache_key"),
        "cache_expiration": extra.get("cache_expiration"),
        "flow_run_run_count": extra.get("flow_run_run_count") or 0,
        "task_inputs": orjson.loads(row["inputs"] or "{}"),
        "empirical_policy": _TASK_RUN_POLICY | (extra.get("empirical_policy") or {}),
    }


def log(row: Record) -> Record:
    """Return a log line."""
    moment = when(row["timestamp"])
    shown = {"id": str(row["id"]), "created": moment, "updated": moment, "timestamp": moment}
    ids = {"flow_run_id": _id(row["flow_run_id"]), "task_run_id": _id(row["task_run_id"])}
    return {**shown, "name": row["name"], "level": row["level"], "message": row["message"], **ids}


def artifact(row: Record, more: Record | None = None) -> Record:
    """Return an artifact."""
    about = {name: row[name] for name in ("key", "type", "description")}
    data = orjson.loads(row["data"]) if row["data"] is not None else None
    ids = {"flow_run_id": _id(row["flow_run_id"]), "task_run_id": _id(row["task_run_id"])}
    metadata = (more or {}).get("metadata_")
    return {**_stamped(row), **about, "data": data, "metadata_": metadata, **ids}


def artifact_collection(row: Record, more: Record | None = None) -> Record:
    """Return the newest artifact of a key; the collection is named by that artifact's id."""
    return {**artifact(row, more), "latest_id": str(row["id"])}


def variable(row: Record) -> Record:
    """Return a variable."""
    return {**_stamped(row), "name": row["name"], "value": orjson.loads(row["value"]), "tags": row["tags"]}


def _stamped(row: Record) -> Record:
    return {"id": str(row["id"]), "created": when(row["created"]), "updated": when(row["updated"])}


def flow_run_input(row: Record) -> Record:
    """Return a keyed input of a flow run."""
    made = when(row["created"])
    shown = {"flow_run_id": str(row["flow_run_id"]), "key": row["key"], "value": row["value"]}
    return {**shown, "sender": row["sender"], "created": made, "updated": made}


def _id(value: Any) -> str | None:
    return None if value is None else str(value)


_DEPLOYMENT = (
    "id",
    "created",
    "updated",
    "name",
    "version",
    "description",
    "flow_id",
    "paused",
    "concurrency_options",
    "job_variables",
    "parameters",
    "tags",
    "labels",
    "work_queue_name",
    "work_pool_name",
    "parameter_openapi_schema",
    "path",
    "pull_steps",
    "entrypoint",
    "enforce_parameter_schema",
    "version_info",
)
_NOT_OF_A_DEPLOYMENT = (
    "concurrency_limit",
    "work_queue_id",
    "storage_document_id",
    "infrastructure_document_id",
    "created_by",
    "updated_by",
)
#: A deployment is ready while somebody has asked for its runs within this time.
_READY_FOR = timedelta(seconds=60)


def deployment(body: Record, polled: datetime | None) -> Record:
    """Return a deployment.

    Args:
        body: its document.
        polled: when somebody last asked for its runs.
    """
    ready = polled is not None and datetime.now(UTC) - polled < _READY_FOR
    limit = body["concurrency_limit"]
    return {
        **{name: body.get(name) for name in _DEPLOYMENT},
        **dict.fromkeys(_NOT_OF_A_DEPLOYMENT),
        "global_concurrency_limit": {"limit": limit, "name": f"deployment:{body['id']}"} if limit else None,
        "schedules": [deployment_schedule(one, body["id"]) for one in body["schedules"]],
        "last_polled": polled.isoformat() if polled is not None else None,
        "status": "READY" if ready else "NOT_READY",
    }


def deployment_schedule(body: Record, deployment_id: str) -> Record:
    """Return a schedule of a deployment."""
    names = ("id", "created", "schedule", "active", "max_scheduled_runs", "parameters", "slug")
    return {
        **{name: body[name] for name in names},
        "updated": body["created"],
        "deployment_id": deployment_id,
    }


def work_pool(body: Record, *, online: bool) -> Record:
    """Return a work pool.

    Args:
        body: its document.
        online: one of its workers is.
    """
    status = "PAUSED" if body["is_paused"] else "READY" if online else "NOT_READY"
    return {**body, "status": None if body["type"] == "prefect-agent" else status}


def work_queue(body: Record, pool: str, polled: datetime | None) -> Record:
    """Return a queue of a work pool.

    Args:
        body: its document.
        pool: the name of its pool.
        polled: when somebody last asked for its runs.
    """
    ready = polled is not None and datetime.now(UTC) - polled < _READY_FOR
    status = "PAUSED" if body["is_paused"] else "READY" if ready else "NOT_READY"
    last = polled.isoformat() if polled is not None else None
    return {**body, "work_pool_name": pool, "last_polled": last, "status": status}


def worker(body: Record, heard: datetime, *, online: bool) -> Record:
    """Return a worker of a work pool."""
    status = "ONLINE" if online else "OFFLINE"
    return {**body, "last_heartbeat_time": heard.isoformat(), "status": status}
