"""The panel of a run from the store's records: after a reload, a restart, or in another notebook."""

from __future__ import annotations

import json
from typing import Any

from penstock_kernel._cells.recorder import OUTPUT, Event
from penstock_kernel.records import literal, rows

_LEVELS = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}
_TASKS = """
select task_name as name, min(created) as first, count(*) as total,
       count(*) filter (state_name = 'Cached') as cached, sum(greatest(run_count - 1, 0)) as retries,
       coalesce(sum(duration), 0) as seconds, histogram(state_type) as counts
from task_runs where flow_run_id = {run} group by task_name order by first
"""
_EDGES = """
select distinct down.task_name as task, up.task_name as upstream from edges
join task_runs down on down.id = edges.task_run_id join task_runs up on up.id = edges.upstream_id
where edges.flow_run_id = {run} and down.task_name <> up.task_name
"""


def snapshot_of(flow_run_id: str) -> dict[str, Any]:
    """Return what the panel of a flow run shows, from the store."""
    run = literal(flow_run_id)
    (found,) = rows(f"select * from runs where id = {run}")
    upstream: dict[str, list[str]] = {}
    for edge in rows(_EDGES.format(run=run)):
        upstream.setdefault(edge["task"], []).append(edge["upstream"])
    tasks = {
        row["name"]: {
            "name": row["name"],
            "total": row["total"],
            "counts": _counts(row["counts"]),
            "cached": row["cached"],
            "retries": int(row["retries"] or 0),
            "order": number,
            "upstream": upstream.get(row["name"], []),
            "seconds": row["seconds"],
        }
        for number, row in enumerate(rows(_TASKS.format(run=run)))
    }
    return {
        "run": {
            "id": flow_run_id,
            "name": found["name"],
            "flow_name": found["flow_name"],
            "state_type": found["state_type"],
            "state_name": found["state_name"],
            "message": found["state_message"] or "",
            "runner": found["runner"] or "",
            "started": _utc(found["start_time"]),
            "ended": _utc(found["end_time"]),
        },
        "tasks": tasks,
        "artifacts": _artifacts(run),
        "logs": {"lines": _logs(run), "dropped": 0},
    }


def output_of(task_run_id: str) -> list[Event]:
    """Return what a task's run printed and displayed, in the order it was made."""
    found = rows(
        f"select data from artifacts where task_run_id = {literal(task_run_id)} and type = {literal(OUTPUT)}"
        " order by created"
    )
    return [event for row in found for event in json.loads(row["data"])]


def outputs_in(flow_run_id: str) -> list[Event]:
    """Return what the tasks of a flow run printed and displayed, run by run in the order they began."""
    found = rows(
        "select data from artifacts join task_runs on task_runs.id = artifacts.task_run_id"
        f" where artifacts.flow_run_id = {literal(flow_run_id)} and type = {literal(OUTPUT)}"
        " order by task_runs.start_time, task_runs.id, artifacts.created"
    )
    events = [event for row in found for event in json.loads(row["data"])]
    return [event for event in events if event["kind"] not in ("clear", "error")]


def _artifacts(run: str) -> dict[str, Any]:
    found = rows(
        f"select * from artifacts where flow_run_id = {run} and type <> {literal(OUTPUT)} order by created"
    )
    return {
        row["id"]: {
            "id": row["id"],
            "key": row["key"],
            "type": row["type"],
            "description": row["description"],
            "data": json.loads(row["data"]) if row["data"] is not None else None,
            "order": number,
        }
        for number, row in enumerate(found)
    }


def _logs(run: str) -> list[dict[str, Any]]:
    found = rows(
        "select logs.at_us, level, message, task_name from logs left join task_runs on task_runs.id = task_run_id"
        f" where logs.flow_run_id = {run} order by logs.at_us desc, logs.seq desc limit 200"
    )
    return [
        {
            "at": row["at_us"],
            "level": _LEVELS.get(row["level"], str(row["level"])),
            "text": row["message"],
            "task": row["task_name"],
        }
        for row in reversed(found)
    ]


def _counts(found: Any) -> dict[str, int]:
    if isinstance(found, str):
        found = json.loads(found)
    return {str(key): int(value) for key, value in found.items()}


def _utc(moment: str | None) -> str | None:
    return None if moment is None else f"{moment}+00:00" if "+" not in moment else moment
