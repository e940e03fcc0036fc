"""The graph of one flow run. Reference pages: flow-runs/read-flow-run-graph-v1 and -v2, server/schemas/graph.

A flow run below another has a task run that stands for it there; both are one node, which is the flow run.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from penstock._store import show
from penstock._store.database import Database
from penstock._store.requests import refusal

#: The most nodes, and the most artifacts, of one answer.
MOST = 10_000
_PARENTS = "__parents__"
_NEVER = datetime(9999, 1, 1)

_TASKS = """
SELECT t.*, r.id AS child_id, r.name AS child_name, r.flow_name AS child_flow, r.state_type AS child_type,
       r.start_time AS child_start, r.end_time AS child_end, r.expected_start_time AS child_expected
FROM (FROM task_runs WHERE flow_run_id = ?) t LEFT JOIN runs r ON r.parent_task_run_id = t.id
ORDER BY t.created, t.id
"""
_ARTIFACTS = f"""
SELECT a.*, (a.key IS NULL OR l.id = a.id) AS is_latest
FROM artifacts a LEFT JOIN latest_artifacts l ON l.key = a.key
WHERE a.flow_run_id = ? AND a.type IS DISTINCT FROM 'result' ORDER BY a.created, a.id LIMIT {MOST}
"""

Record = dict[str, Any]


def dependencies(database: Database, run_id: str, now: datetime) -> list[Record]:
    """Return the first version of the graph: each task run and the task runs its inputs came from."""
    rows = database.records("FROM task_runs WHERE flow_run_id = ? ORDER BY created, id", [run_id])
    return [_dependency(row, now) for row in rows]


def _dependency(row: Record, now: datetime) -> Record:
    task_run = show.task_run(row, now)
    state = task_run["state"]
    upstream = dict.fromkeys(
        str(one["id"])
        for sources in task_run["task_inputs"].values()
        for one in sources
        if one.get("input_type") == "task_run"
    )
    kept = ("id", "name", "state", "expected_start_time", "start_time", "end_time", "total_run_time")
    return {
        **{name: task_run[name] for name in (*kept, "estimated_run_time")},
        "upstream_dependencies": [{"input_type": "task_run", "id": one} for one in upstream],
        "untrackable_result": bool(state and state["state_details"]["untrackable_result"]),
    }


def graph(database: Database, run: Record, since: datetime | None) -> Record:
    """Return the second version of the graph.

    Args:
        database: where to read.
        run: the row of the flow run.
        since: leave out nodes that ended before it.

    Raises:
        Refused: 400, there are too many nodes.
    """
    run_id = str(run["id"])
    rows = [row for row in database.records(_TASKS, [run_id]) if _is_shown(row)]
    if len(rows) > MOST:
        text = f"The graph of flow run {run_id} has {len(rows)} nodes; {MOST} is the most that is shown."
        raise refusal(400, text)
    artifacts = database.records(_ARTIFACTS, [run_id])
    nodes = _nodes(rows, artifacts)
    states = database.records(
        'SELECT id, "timestamp", type, name FROM states WHERE run_type = ? AND run_id = ? ORDER BY at_us, seq',
        ["flow-run", run_id],
    )
    recent = [node for node in nodes if since is None or node["end"] is None or node["end"] >= since]
    return {
        "start_time": show.when(run["start_time"] or run["expected_start_time"]),
        "end_time": show.when(run["end_time"]),
        "root_node_ids": [
            node["shown"]["id"] for node in recent if not node["shown"]["parents"] and not node["inside"]
        ],
        "nodes": [[node["shown"]["id"], node["shown"]] for node in recent],
        "artifacts": [_artifact(row) for row in artifacts if row["task_run_id"] is None],
        "states": [{**row, "id": str(row["id"]), "timestamp": show.when(row["timestamp"])} for row in states],
    }


def _is_shown(row: Record) -> bool:
    kind = row["child_type"] if row["child_id"] is not None else row["state_type"]
    return kind not in (None, "PENDING")


def _nodes(rows: list[Record], artifacts: list[Record]) -> list[Record]:
    """Return nodes in order of start, then end; edges lead only to nodes of this graph."""
    identity = {str(row["id"]): str(row["child_id"] or row["id"]) for row in rows}
    parents, around = {}, {}
    for row in rows:
        inputs = orjson.loads(row["inputs"] or "{}")
        own = str(row["id"])
        around[own] = _sources({_PARENTS: inputs.get(_PARENTS, [])}, identity)
        parents[own] = _sources({key: given for key, given in inputs.items() if key != _PARENTS}, identity)
    children: dict[str, list[str]] = {}
    for own, sources in parents.items():
        for source in sources:
            children.setdefault(source, []).append(identity[own])
    by_task: dict[str, list[Record]] = {}
    for artifact in artifacts:
        by_task.setdefault(str(artifact["task_run_id"]), []).append(_artifact(artifact))
    nodes = []
    for row in rows:
        own = str(row["id"])
        edges = {
            "parents": _edges(parents[own]),
            "children": _edges(children.get(identity[own], [])),
            "encapsulating": _edges(around[own]),
            "artifacts": by_task.get(own, []),
        }
        start, end, about = _about(row)
        shown = {
            "id": identity[own],
            **about,
            "start_time": show.when(start),
            "end_time": show.when(end),
            **edges,
        }
        nodes.append({"shown": shown, "start": start, "end": end, "inside": bool(around[own])})
    return sorted(nodes, key=lambda node: (node["start"], node["end"] or _NEVER, node["shown"]["id"]))


def _about(row: Record) -> tuple[datetime, datetime | None, Record]:
    if row["child_id"] is not None:
        label = f"{row['child_flow']} / {row['child_name']}"
        start = row["child_start"] or row["child_expected"]
        return start, row["child_end"], {"kind": "flow-run", "label": label, "state_type": row["child_type"]}
    start = row["start_time"] or row["expected_start_time"]
    return start, row["end_time"], {"kind": "task-run", "label": row["name"], "state_type": row["state_type"]}


def _sources(inputs: dict[str, list[Record]], identity: dict[str, str]) -> list[str]:
    found = dict.fromkeys(
        identity[str(one["id"])]
        for sources in inputs.values()
        for one in sources
        if str(one.get("id")) in identity
    )
    return list(found)


def _edges(ids: list[str]) -> list[Record]:
    return [{"id": one} for one in ids]


def _artifact(row: Record) -> Record:
    data = orjson.loads(row["data"]) if row["type"] == "progress" and row["data"] is not None else None
    shown = {
        "id": str(row["id"]),
        "created": show.when(row["created"]),
        "key": row["key"],
        "type": row["type"],
    }
    return {**shown, "is_latest": bool(row["is_latest"]), "data": data}


def since_of(text: str | None) -> str | None:
    """Return the text of a `since` parameter with the plus sign of its zone, which URLs turn into a space."""
    return text.replace(" ", "+") if text else None


__all__ = ["MOST", "dependencies", "graph", "since_of"]
