"""How each kind of object is listed, and which other kinds it can be selected by."""

from __future__ import annotations

import orjson

from penstock._store import show
from penstock._store.filters import (
    ARTIFACTS,
    DEPLOYMENTS,
    DEPLOYMENTS_THEMSELVES,
    FLOW_RUNS,
    FLOWS,
    LATEST_ARTIFACTS,
    LOGS,
    TASK_RUNS,
    VARIABLES,
    WORK_POOLS,
    WORK_QUEUES,
)
from penstock._store.pages import (
    ARTIFACT_SORTS,
    DEPLOYMENT_SORTS,
    FLOW_RUN_SORTS,
    FLOW_SORTS,
    LOG_SORTS,
    TASK_RUN_SORTS,
    VARIABLE_SORTS,
)
from penstock._store.routes.lists import Listing, Record
from penstock._store.routes.web import Ask, now


def show_flow_runs(ask: Ask, rows: list[Record]) -> list[Record]:
    """Return flow runs as they are answered."""
    more, moment = ask.changes(rows), now()
    return [show.flow_run(row, moment, more.get(str(row["id"]))) for row in rows]


def show_task_runs(ask: Ask, rows: list[Record]) -> list[Record]:
    """Return task runs as they are answered."""
    more, moment = ask.changes(rows), now()
    return [show.task_run(row, moment, more.get(str(row["id"]))) for row in rows]


def show_flows(ask: Ask, rows: list[Record]) -> list[Record]:
    """Return flows as they are answered."""
    more = ask.changes(rows)
    return [show.flow(row, more.get(str(row["id"]))) for row in rows]


def show_artifacts(ask: Ask, rows: list[Record]) -> list[Record]:
    """Return artifacts as they are answered."""
    more = ask.changes(rows)
    return [show.artifact(row, more.get(str(row["id"]))) for row in rows]


def _show_collections(ask: Ask, rows: list[Record]) -> list[Record]:
    more = ask.changes(rows)
    return [show.artifact_collection(row, more.get(str(row["id"]))) for row in rows]


def _show_logs(_: Ask, rows: list[Record]) -> list[Record]:
    return [show.log(row) for row in rows]


def _show_deployments(ask: Ask, rows: list[Record]) -> list[Record]:
    polled = ask.call(lambda core: dict(core.polled))
    return [show.deployment(orjson.loads(row["body"]), polled.get(str(row["id"]))) for row in rows]


def _show_variables(_: Ask, rows: list[Record]) -> list[Record]:
    return [show.variable(row) for row in rows]


#: Flow runs that wait or waited in what a field says.
_PLACED = (
    "id IN (SELECT id FROM raw.changed WHERE field = '{0}' GROUP BY id"
    " HAVING (arg_max(value, (at_us, seq))->>'$')::UUID IN (SELECT id FROM {1} WHERE {{}}))"
)
_IN_POOLS = _PLACED.format("work_pool_id", "work_pools")
_IN_QUEUES = _PLACED.format("work_queue_id", "work_queues")
_IN_QUEUES_BY_NAME = (
    "(work_pool_name, coalesce(work_queue_name, 'default')) IN"
    " (SELECT (work_pool_name, name) FROM work_queues WHERE {})"
)
_OF_FLOW_RUNS = "id IN (SELECT flow_id FROM runs WHERE {})"
FLOWS_LISTED = Listing(
    "flows",
    "flows",
    FLOWS,
    FLOW_SORTS,
    "NAME_ASC",
    show_flows,
    "Flow",
    {
        "flow_runs": (FLOW_RUNS, _OF_FLOW_RUNS),
        "task_runs": (TASK_RUNS, _OF_FLOW_RUNS.format("id IN (SELECT flow_run_id FROM task_runs WHERE {})")),
        "deployments": (DEPLOYMENTS, _OF_FLOW_RUNS),
        "work_pools": (WORK_POOLS, _OF_FLOW_RUNS.format(_IN_POOLS)),
    },
)
FLOW_RUNS_LISTED = Listing(
    "flow_runs",
    "runs",
    FLOW_RUNS,
    FLOW_RUN_SORTS,
    "ID_DESC",
    show_flow_runs,
    "FlowRunResponse",
    {
        "flows": (FLOWS, "flow_id IN (SELECT id FROM flows WHERE {})"),
        "task_runs": (TASK_RUNS, "id IN (SELECT flow_run_id FROM task_runs WHERE {})"),
        "deployments": (DEPLOYMENTS, "{}"),
        "work_pools": (WORK_POOLS, _IN_POOLS),
        "work_pool_queues": (WORK_QUEUES, _IN_QUEUES),
    },
)
_OF_RUNS = "flow_run_id IN (SELECT id FROM runs WHERE {})"
TASK_RUNS_LISTED = Listing(
    "task_runs",
    "task_runs",
    TASK_RUNS,
    TASK_RUN_SORTS,
    "ID_DESC",
    show_task_runs,
    "TaskRun",
    {
        "flow_runs": (FLOW_RUNS, _OF_RUNS),
        "flows": (FLOWS, _OF_RUNS.format("flow_id IN (SELECT id FROM flows WHERE {})")),
        "deployments": (DEPLOYMENTS, _OF_RUNS),
    },
    many=True,
)
_ARTIFACTS_OF = {
    "flow_runs": (FLOW_RUNS, _OF_RUNS),
    "task_runs": (TASK_RUNS, "task_run_id IN (SELECT id FROM task_runs WHERE {})"),
    "flows": (FLOWS, _OF_RUNS.format("flow_id IN (SELECT id FROM flows WHERE {})")),
    "deployments": (DEPLOYMENTS, _OF_RUNS),
}
ARTIFACTS_LISTED = Listing(
    "artifacts", "artifacts", ARTIFACTS, ARTIFACT_SORTS, "ID_DESC", show_artifacts, "Artifact", _ARTIFACTS_OF
)
COLLECTIONS_LISTED = Listing(
    "artifacts",
    "latest_artifacts",
    LATEST_ARTIFACTS,
    ARTIFACT_SORTS,
    "ID_DESC",
    _show_collections,
    "ArtifactCollection",
    _ARTIFACTS_OF,
)
DEPLOYMENTS_LISTED = Listing(
    "deployments",
    "deployments",
    DEPLOYMENTS_THEMSELVES,
    DEPLOYMENT_SORTS,
    "NAME_ASC",
    _show_deployments,
    "DeploymentResponse",
    {
        "flows": (FLOWS, "flow_id IN (SELECT id FROM flows WHERE {})"),
        "flow_runs": (FLOW_RUNS, "id IN (SELECT deployment_id FROM runs WHERE {})"),
        "task_runs": (
            TASK_RUNS,
            "id IN (SELECT deployment_id FROM runs WHERE id IN (SELECT flow_run_id FROM task_runs WHERE {}))",
        ),
        "work_pools": (WORK_POOLS, "work_pool_name IN (SELECT name FROM work_pools WHERE {})"),
        "work_pool_queues": (WORK_QUEUES, _IN_QUEUES_BY_NAME),
    },
)
LOGS_LISTED = Listing("logs", "logs", LOGS, LOG_SORTS, "TIMESTAMP_ASC", _show_logs, "Log")
VARIABLES_LISTED = Listing(
    "variables", "variables", VARIABLES, VARIABLE_SORTS, "NAME_ASC", _show_variables, "Variable"
)
