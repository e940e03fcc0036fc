"""Small answers for pages: points of a chart, counts, a form's errors. Reference pages: server/api/ui."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, JsonValue

from penstock._store.bodies import Body
from penstock._store.filters import invalid, to_utc
from penstock._store.measures import LATENESS, run_time
from penstock._store.pages import order, whole
from penstock._store.routes.kinds import FLOW_RUNS_LISTED, TASK_RUNS_LISTED, show_task_runs
from penstock._store.routes.web import Answer, Ask, Route, now
from penstock._store.show import when
from penstock._values.states import StateType

#: The most points of a chart.
_POINTS = 1000
#: Parts of the window that task runs are counted in.
_PARTS = 20

Ids = Annotated[list[UUID], Field(max_length=200)]


class FlowRunIds(Body):
    """Flow runs to count something of."""

    flow_run_ids: Ids


class FlowIds(Body):
    """Flows to look something up of."""

    flow_ids: Ids


class SchemaValues(Body):
    """Values, and the schema they are to fit."""

    json_schema: dict[str, JsonValue]
    values: dict[str, JsonValue]


def flow_run_points(ask: Ask) -> Answer:
    """List flow runs with what a chart of them needs."""
    sql, values = FLOW_RUNS_LISTED.where(ask)
    body = {"sort": "EXPECTED_START_TIME_DESC", **ask.fields}
    limit, offset = whole(body, "limit", _POINTS, 0, _POINTS), whole(body, "offset", 0, 0, 1 << 40)
    end = f"{order(body, FLOW_RUNS_LISTED.sorts, 'EXPECTED_START_TIME_DESC')} LIMIT {limit} OFFSET {offset}"
    query = f"""
        SELECT id, state_type, coalesce(start_time, expected_start_time) AS at,
               greatest({run_time("total_run_time")}, 0) AS duration, {LATENESS} AS lateness
        FROM runs WHERE state_type IS NOT NULL AND {sql}{end}"""
    moment = now()
    return 200, [
        {
            "id": str(row["id"]),
            "state_type": row["state_type"],
            "timestamp": when(row["at"]),
            "duration": float(row["duration"]),
            "lateness": float(row["lateness"]),
        }
        for row in ask.records(query, [moment, moment, *values])
    ]


def count_task_runs(ask: Ask) -> Answer:
    """Count the task runs of each flow run."""
    ids = [str(one) for one in ask.read(FlowRunIds).flow_run_ids]
    sql = (
        "SELECT flow_run_id, count(*) FROM task_runs "
        "WHERE flow_run_id IN (SELECT unnest(?::UUID[])) GROUP BY flow_run_id"
    )
    found = {str(run): count for run, count in ask.store.database.read(sql, [ids])}
    return 200, {run: found.get(run, 0) for run in ids}


def next_runs(ask: Ask) -> Answer:
    """Return the earliest scheduled run of each flow, null where there is none."""
    ids = [str(one) for one in ask.read(FlowIds).flow_ids]
    rows = ask.records(
        "SELECT id, flow_id, name, state_name, state_type, next_scheduled_start_time FROM runs "
        "WHERE state_type = 'SCHEDULED' AND flow_id IN (SELECT unnest(?::UUID[])) "
        "QUALIFY row_number() OVER (PARTITION BY flow_id ORDER BY next_scheduled_start_time, id) = 1",
        [ids],
    )
    found = {
        str(row["flow_id"]): {
            **{name: row[name] for name in ("name", "state_name", "state_type")},
            "id": str(row["id"]),
            "flow_id": str(row["flow_id"]),
            "next_scheduled_start_time": when(row["next_scheduled_start_time"]),
        }
        for row in rows
    }
    return 200, {flow: found.get(flow) for flow in ids}


def task_run_counts(ask: Ask) -> Answer:
    """Count completed and failed task runs in 20 equal parts of a window.

    The window is that of `task_runs.start_time`: from `after_` (needed) to `before_` (now by default).
    """
    where, (start, end) = TASK_RUNS_LISTED.where(ask), _window(ask)
    sql = f"""
        SELECT least(((epoch_us(start_time) - epoch_us(?::TIMESTAMP)) * {_PARTS})
                     // greatest(epoch_us(?::TIMESTAMP) - epoch_us(?::TIMESTAMP), 1), {_PARTS - 1}) AS part,
               count(*) FILTER (state_type = 'COMPLETED') AS completed,
               count(*) FILTER (state_type IN ('FAILED', 'CRASHED')) AS failed
        FROM task_runs WHERE start_time BETWEEN ?::TIMESTAMP AND ?::TIMESTAMP AND {where[0]} GROUP BY part"""
    rows = ask.store.database.read(sql, [start, end, start, start, end, *where[1]])
    found = {part: (completed, failed) for part, completed, failed in rows}
    counts = [found.get(part, (0, 0)) for part in range(_PARTS)]
    return 200, [{"completed": completed, "failed": failed} for completed, failed in counts]


def _window(ask: Ask) -> tuple[datetime, datetime]:
    given = (ask.fields.get("task_runs") or {}).get("start_time") or {}
    if not given.get("after_"):
        detail = {
            "loc": ["body", "task_runs", "start_time", "after_"],
            "msg": "a window is needed",
            "type": "missing",
        }
        raise invalid([detail], ask.body)
    start = to_utc(given["after_"])
    end = to_utc(given["before_"]) if given.get("before_") else now()
    return start, max(end, start)


def count_by_state(ask: Ask) -> Answer:
    """Count task runs by the type of their state."""
    sql, values = TASK_RUNS_LISTED.where(ask)
    query = f"SELECT state_type, count(*) FROM task_runs WHERE {sql} GROUP BY state_type"
    found: dict[str, int] = dict(ask.store.database.read(query, values))
    return 200, {kind.value: found.get(kind.value, 0) for kind in StateType}


def read_task_run(ask: Ask) -> Answer:
    """Read a task run with the name of its flow run."""
    task_run_id = ask.id()
    row = ask.one(
        "SELECT t.*, r.name AS flow_run_name FROM task_runs t LEFT JOIN runs r ON r.id = t.flow_run_id WHERE t.id = ?",
        [task_run_id],
        f"task run with id {task_run_id}",
    )
    return 200, {**show_task_runs(ask, [row])[0], "flow_run_name": row["flow_run_name"]}


def validate(ask: Ask) -> Answer:
    """Say what is wrong with values of a schema, property by property."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    body = ask.read(SchemaValues)
    # An empty registry: a schema must not make the store fetch anything.
    validator = Draft202012Validator(body.json_schema, registry=Registry())
    try:
        Draft202012Validator.check_schema(body.json_schema)
        errors = [_located(error) for error in validator.iter_errors(body.values)]
    except (SchemaError, Unresolvable, RecursionError) as error:
        detail = {"loc": ["body", "json_schema"], "msg": str(error).splitlines()[0], "type": "value_error"}
        raise invalid([detail], ask.body) from error
    return 200, {"errors": _tree(errors), "valid": not errors}


Located = tuple[tuple[str | int, ...], str]


def _located(error: Any) -> Located:
    path = tuple(error.absolute_path)
    if error.validator == "required":  # said of the object, meant of the property
        absent = next(name for name in error.validator_value if name not in error.instance)
        path = (*path, absent)
    return path, error.message


def _tree(errors: list[Located]) -> list[Any]:
    """Return texts of the place itself, then one entry a property or index with its own errors."""
    own: list[Any] = [message for path, message in errors if not path]
    below: dict[str | int, list[Located]] = {}
    for path, message in errors:
        if path:
            below.setdefault(path[0], []).append((path[1:], message))
    return own + [
        {"index" if isinstance(part, int) else "property": part, "errors": _tree(inner)}
        for part, inner in below.items()
    ]


def _schema_of_points() -> dict[str, Any]:
    schema = FLOW_RUNS_LISTED.schema("sort", "offset")
    schema["properties"]["sort"] = {**schema["properties"]["sort"], "default": "EXPECTED_START_TIME_DESC"}
    limit = {"type": "integer", "minimum": 0, "maximum": _POINTS, "default": _POINTS}
    return {**schema, "properties": {**schema["properties"], "limit": limit}}


ROUTES = [
    Route(
        "POST",
        "/ui/flow_runs/history",
        flow_run_points,
        _schema_of_points(),
        {"type": "array", "items": "SimpleFlowRun"},
    ),
    Route("POST", "/ui/flow_runs/count-task-runs", count_task_runs, FlowRunIds, {"type": "object"}),
    Route("POST", "/ui/flows/next-runs", next_runs, FlowIds, {"type": "object"}),
    Route(
        "POST",
        "/ui/task_runs/dashboard/counts",
        task_run_counts,
        TASK_RUNS_LISTED.schema(),
        {"type": "array", "items": "TaskRunCount", "minItems": _PARTS, "maxItems": _PARTS},
    ),
    Route("POST", "/ui/task_runs/count", count_by_state, TASK_RUNS_LISTED.schema(), {"type": "object"}),
    Route("GET", "/ui/task_runs/{id}", read_task_run, answer="TaskRun"),
    Route("POST", "/ui/schemas/validate", validate, SchemaValues, "SchemaValuesValidationResponse"),
]
