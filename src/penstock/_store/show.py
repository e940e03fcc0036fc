"""Rows of the views as the JSON of the REST API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from penstock._values.states import State, StateDetails, StateType

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


def _seconds_running(row: Record, now: datetime) -> float:
    if row.get("state_type") == "RUNNING" and row.get("start_time") is not None:
        return max(0.0, float((now - row["state_timestamp"]).total_seconds()))
    return 0.0


def _common(row: Record, now: datetime) -> Record:
    run_time = float(row.get("total_run_time", row["duration"]) or 0.0)
    expected, start = row.get("expected_start_time"), row.get("start_time")
    late = (start - expected).total_seconds() if start and expected else 0.0
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
        "next_scheduled_start_time": when(expected) if row["state_type"] == "SCHEDULED" else None,
        "start_time": when(start),
        "end_time": when(row["end_time"]),
        "total_run_time": run_time,
        "estimated_run_time": run_time + _seconds_running(row, now),
        "estimated_start_time_delta": max(0.0, late),
        "tags": row["tags"],
        "labels": {},
        "state": state(row),
    }


def flow(row: Record) -> Record:
    """Return a flow."""
    made = when(row["created"])
    shown = {"id": str(row["id"]), "created": made, "updated": made, "name": row["name"]}
    return {**shown, "tags": row["tags"], "labels": {}}


def flow_run(row: Record, now: datetime) -> Record:
    """Return a flow run with every documented field; what does not exist yet is null."""
    nothing = dict.fromkeys(
        [
            "deployment_version",
            "work_queue_id",
            "work_queue_name",
            "infrastructure_document_id",
            "infrastructure_pid",
            "created_by",
            "work_pool_id",
            "work_pool_name",
            "job_variables",
        ]
    )
    return {
        **_common(row, now),
        **nothing,
        "flow_id": str(row["flow_id"]),
        "flow_name": row["flow_name"],
        "flow_version": row["flow_version"],
        "deployment_id": _id(row["deployment_id"]),
        "parameters": orjson.loads(row["parameters"] or "{}"),
        "idempotency_key": row["idempotency_key"],
        "context": {},
        "empirical_policy": {"retries": None, "retry_delay": None, "pause_keys": [], "resuming": False},
        "parent_task_run_id": _id(row["parent_task_run_id"]),
        "auto_scheduled": False,
    }


def task_run(row: Record, now: datetime) -> Record:
    """Return a task run with every documented field."""
    return {
        **_common(row, now),
        "flow_run_id": _id(row["flow_run_id"]),
        "task_key": row["task_key"],
        "dynamic_key": row["dynamic_key"],
        "task_version": None,
        "cache_key": None,
        "cache_expiration": None,
        "flow_run_run_count": 0,
        "task_inputs": orjson.loads(row["inputs"] or "{}"),
        "empirical_policy": {"retries": None, "retry_delay": None, "retry_jitter_factor": None},
    }


def log(row: Record) -> Record:
    """Return a log line."""
    moment = when(row["timestamp"])
    shown = {"id": str(row["id"]), "created": moment, "updated": moment, "timestamp": moment}
    ids = {"flow_run_id": _id(row["flow_run_id"]), "task_run_id": _id(row["task_run_id"])}
    return {**shown, "name": row["name"], "level": row["level"], "message": row["message"], **ids}


def artifact(row: Record) -> Record:
    """Return an artifact."""
    made = when(row["created"])
    shown = {"id": str(row["id"]), "created": made, "updated": made, "key": row["key"], "type": row["type"]}
    data = orjson.loads(row["data"]) if row["data"] is not None else None
    ids = {"flow_run_id": _id(row["flow_run_id"]), "task_run_id": _id(row["task_run_id"])}
    return {**shown, "description": row["description"], "data": data, "metadata_": None, **ids}


def flow_run_input(row: Record) -> Record:
    """Return a keyed input of a flow run."""
    made = when(row["created"])
    shown = {"flow_run_id": str(row["flow_run_id"]), "key": row["key"], "value": row["value"]}
    return {**shown, "sender": row["sender"], "created": made, "updated": made}


def _id(value: Any) -> str | None:
    return None if value is None else str(value)
