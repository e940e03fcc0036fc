"""What is on record about a flow run, without what differs from run to run: ids, times, the random part of names."""

from __future__ import annotations

import re

from .support import rows


def recorded(run_id):
    """Return task runs, edges, artifacts and logs of a flow run in an order of their own."""
    where = f"flow_run_id = '{run_id}'"
    task_of = {
        row["id"]: row["task_name"] for row in rows(f"SELECT id, task_name FROM task_runs WHERE {where}")
    }
    return {
        "runs": rows(f"SELECT flow_name, state_name, run_count FROM runs WHERE id = '{run_id}'"),
        "tasks": sorted(_tasks(where)),
        "edges": sorted(
            (task_of[row["task_run_id"]], row["input_name"], task_of.get(row["upstream_id"]))
            for row in rows(f"SELECT task_run_id, input_name, upstream_id FROM edges WHERE {where}")
        ),
        "artifacts": sorted(
            (row["key"], row["type"], str(row["data"]), task_of.get(row["task_run_id"], ""))
            for row in rows(f"SELECT key, type, data, task_run_id FROM artifacts WHERE {where}")
        ),
        "logs": sorted(
            (task_of.get(row["task_run_id"], ""), row["level"], _first_line(row["message"]))
            for row in rows(f"SELECT task_run_id, level, message FROM logs WHERE {where}")
        ),
    }


def _tasks(where):
    states = {}
    for row in rows(
        f"SELECT task_run_id, type, name, message FROM states WHERE {where} AND task_run_id IS NOT NULL ORDER BY at_us, seq"
    ):
        states.setdefault(row["task_run_id"], []).append(
            (row["type"], row["name"], _first_line(row["message"]))
        )
    for row in rows(f"SELECT id, name, task_name, run_count, tags FROM task_runs WHERE {where}"):
        yield (
            row["task_name"],
            _steady(row["name"]),
            row["run_count"],
            tuple(row["tags"]),
            tuple(states[row["id"]]),
        )


def _first_line(text):
    """Tracebacks show where the engine was called from, which is not the same in a thread and in a worker."""
    return _steady((text or "").split("\n")[0])


def _steady(text):
    """Take the random part off default names: `double-1a2` is `double-...`, and the flow run has none."""
    return re.sub(r"flow run '[\w-]+'", "flow run", re.sub(r"\b([a-z_]+)-[0-9a-f]{3}\b", r"\1-...", text))
