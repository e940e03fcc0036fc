"""JSON schemas of what is answered, field by field. Reference page: api-ref server/schemas/responses."""

from __future__ import annotations

from typing import Any

from penstock._values.states import StateDetails, StateType

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_WHOLE: Schema = {"type": "integer"}
_BOOL: Schema = {"type": "boolean"}
_ID: Schema = {"type": "string", "format": "uuid"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_TAGS: Schema = {"type": "array", "items": _TEXT}
_MAP: Schema = {"type": "object"}
_ANY: Schema = {}
_TYPE: Schema = {"enum": [kind.value for kind in StateType]}


def ref(name: str) -> Schema:
    """Point to a schema by name."""
    return {"$ref": f"#/components/schemas/{name}"}


def maybe(schema: Schema) -> Schema:
    """Allow null too."""
    return {"anyOf": [schema, {"type": "null"}]}


def many(schema: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": schema}


def record(**fields: Schema) -> Schema:
    """Return the schema of an object that always has these fields, and may have more."""
    return {"type": "object", "properties": fields, "required": list(fields)}


_STAMPED = {"id": _ID, "created": maybe(_TIME), "updated": maybe(_TIME)}
_LIMIT = {
    **_STAMPED,
    "active": _BOOL,
    "name": _TEXT,
    "limit": _WHOLE,
    "active_slots": _WHOLE,
    "denied_slots": _WHOLE,
    "slot_decay_per_second": _NUMBER,
}
_STATE_DETAILS = dict.fromkeys(StateDetails().model_dump(), _ANY)
_RUN: dict[str, Schema] = {
    **_STAMPED,
    "name": _TEXT,
    "tags": _TAGS,
    "labels": _MAP,
    "state_id": maybe(_ID),
    "state_type": maybe(_TYPE),
    "state_name": maybe(_TEXT),
    "state": maybe(ref("State")),
    "run_count": _WHOLE,
    "expected_start_time": maybe(_TIME),
    "next_scheduled_start_time": maybe(_TIME),
    "start_time": maybe(_TIME),
    "end_time": maybe(_TIME),
    "total_run_time": _NUMBER,
    "estimated_run_time": _NUMBER,
    "estimated_start_time_delta": _NUMBER,
    "empirical_policy": _MAP,
}
_ARTIFACT: dict[str, Schema] = {
    **_STAMPED,
    "key": maybe(_TEXT),
    "type": maybe(_TEXT),
    "description": maybe(_TEXT),
    "data": _ANY,
    "metadata_": maybe(_MAP),
    "flow_run_id": maybe(_ID),
    "task_run_id": maybe(_ID),
}
_REASON = maybe(_TEXT)
_DETAILS = {
    "oneOf": [
        record(type={"const": "accept_details"}),
        record(type={"const": "reject_details"}, reason=_REASON),
        record(type={"const": "abort_details"}, reason=_REASON),
        record(type={"const": "wait_details"}, delay_seconds=_WHOLE, reason=_REASON),
    ]
}
_EDGES = many(record(id=_ID))

SCHEMAS: dict[str, Schema] = {
    "State": record(
        id=_ID,
        type=_TYPE,
        name=maybe(_TEXT),
        timestamp=_TIME,
        message=maybe(_TEXT),
        data=_ANY,
        state_details=record(**_STATE_DETAILS),
    ),
    "Flow": record(**_STAMPED, name=_TEXT, tags=_TAGS, labels=_MAP),
    "FlowRunResponse": record(
        **_RUN,
        flow_id=_ID,
        deployment_id=maybe(_ID),
        deployment_version=maybe(_TEXT),
        work_queue_id=maybe(_ID),
        work_queue_name=maybe(_TEXT),
        work_pool_id=maybe(_ID),
        work_pool_name=maybe(_TEXT),
        flow_version=maybe(_TEXT),
        parameters=_MAP,
        idempotency_key=maybe(_TEXT),
        context=_MAP,
        parent_task_run_id=maybe(_ID),
        auto_scheduled=_BOOL,
        infrastructure_document_id=maybe(_ID),
        infrastructure_pid=maybe(_TEXT),
        created_by=maybe(_MAP),
        job_variables=maybe(_MAP),
    ),
    "TaskRun": record(
        **_RUN,
        flow_run_id=maybe(_ID),
        task_key=maybe(_TEXT),
        dynamic_key=maybe(_TEXT),
        cache_key=maybe(_TEXT),
        cache_expiration=maybe(_TIME),
        task_version=maybe(_TEXT),
        task_inputs=_MAP,
        flow_run_run_count=_WHOLE,
    ),
    "DeploymentResponse": record(
        **_STAMPED,
        name=_TEXT,
        version=maybe(_TEXT),
        description=maybe(_TEXT),
        flow_id=_ID,
        paused=_BOOL,
        schedules=many(ref("DeploymentSchedule")),
        concurrency_limit=maybe(_WHOLE),
        global_concurrency_limit=maybe(_MAP),
        concurrency_options=maybe(_MAP),
        job_variables=_MAP,
        parameters=_MAP,
        tags=_TAGS,
        labels=_MAP,
        work_queue_name=maybe(_TEXT),
        work_queue_id=maybe(_ID),
        work_pool_name=maybe(_TEXT),
        last_polled=maybe(_TIME),
        parameter_openapi_schema=maybe(_MAP),
        path=maybe(_TEXT),
        pull_steps=_ANY,
        entrypoint=maybe(_TEXT),
        status={"enum": ["READY", "NOT_READY"]},
        enforce_parameter_schema=_BOOL,
    ),
    "DeploymentSchedule": record(
        **_STAMPED,
        deployment_id=maybe(_ID),
        schedule=_MAP,
        active=_BOOL,
        max_scheduled_runs=maybe(_WHOLE),
        parameters=_MAP,
        slug=maybe(_TEXT),
    ),
    "WorkPool": record(
        **_STAMPED,
        name=_TEXT,
        description=maybe(_TEXT),
        type=_TEXT,
        base_job_template=_MAP,
        is_paused=_BOOL,
        concurrency_limit=maybe(_WHOLE),
        status=maybe({"enum": ["READY", "NOT_READY", "PAUSED"]}),
        default_queue_id=_ID,
        storage_configuration=_MAP,
    ),
    "WorkQueueResponse": record(
        **_STAMPED,
        name=_TEXT,
        description=maybe(_TEXT),
        is_paused=_BOOL,
        concurrency_limit=maybe(_WHOLE),
        priority=_WHOLE,
        work_pool_id=_ID,
        filter=maybe(_MAP),
        last_polled=maybe(_TIME),
        work_pool_name=_TEXT,
        status={"enum": ["READY", "NOT_READY", "PAUSED"]},
    ),
    "WorkerResponse": record(
        **_STAMPED,
        name=_TEXT,
        work_pool_id=_ID,
        last_heartbeat_time=_TIME,
        heartbeat_interval_seconds=maybe(_NUMBER),
        status={"enum": ["ONLINE", "OFFLINE"]},
    ),
    "WorkerFlowRunResponse": record(work_pool_id=_ID, work_queue_id=_ID, flow_run=ref("FlowRunResponse")),
    "TaskWorkerResponse": record(identifier=_TEXT, task_keys=_TAGS, timestamp=_TIME),
    "OrchestrationResult": record(
        state=maybe(ref("State")), status={"enum": ["ACCEPT", "REJECT", "ABORT", "WAIT"]}, details=_DETAILS
    ),
    "HistoryResponse": record(
        interval_start=_TIME,
        interval_end=_TIME,
        states=many(
            record(
                state_type=_TYPE,
                state_name=_TEXT,
                count_runs=_WHOLE,
                sum_estimated_run_time=_NUMBER,
                sum_estimated_lateness=_NUMBER,
            )
        ),
    ),
    "FlowRunInput": record(flow_run_id=_ID, key=_TEXT, value=_TEXT, sender=maybe(_TEXT)),
    "Log": record(
        **_STAMPED,
        name=maybe(_TEXT),
        level=_WHOLE,
        message=_TEXT,
        timestamp=_TIME,
        flow_run_id=maybe(_ID),
        task_run_id=maybe(_ID),
    ),
    "Artifact": record(**_ARTIFACT),
    "ArtifactCollection": record(**_ARTIFACT, latest_id=_ID),
    "Variable": record(**_STAMPED, name=_TEXT, value=_ANY, tags=_TAGS),
    "SavedSearch": record(**_STAMPED, name=_TEXT, filters=many(ref("SavedSearchFilter"))),
    "SavedSearchFilter": record(object=_TEXT, property=_TEXT, type=_TEXT, operation=_TEXT, value=_ANY),
    "ConcurrencyLimit": record(**_STAMPED, tag=_TEXT, concurrency_limit=_WHOLE, active_slots=many(_ID)),
    "ConcurrencyLimitV2": record(**_LIMIT, avg_slot_occupancy_seconds=_NUMBER),
    "GlobalConcurrencyLimitResponse": record(**_LIMIT),
    "MinimalConcurrencyLimitResponse": record(id=_ID, name=_TEXT, limit=_WHOLE),
    "ConcurrencyLimitWithLeaseResponse": record(
        lease_id=_ID, limits=many(ref("MinimalConcurrencyLimitResponse"))
    ),
    "CsrfToken": record(token=_TEXT, client=_TEXT, expiration=_TIME),
    "DependencyResult": record(
        id=_ID,
        name=_TEXT,
        upstream_dependencies=many(record(input_type={"const": "task_run"}, id=_ID)),
        state=maybe(ref("State")),
        expected_start_time=maybe(_TIME),
        start_time=maybe(_TIME),
        end_time=maybe(_TIME),
        total_run_time=maybe(_NUMBER),
        estimated_run_time=maybe(_NUMBER),
        untrackable_result=_BOOL,
    ),
    "Graph": record(
        start_time=maybe(_TIME),
        end_time=maybe(_TIME),
        root_node_ids=many(_ID),
        nodes=many({"type": "array", "prefixItems": [_ID, ref("Node")], "minItems": 2, "maxItems": 2}),
        artifacts=many(ref("GraphArtifact")),
        states=many(record(id=_ID, timestamp=_TIME, type=_TYPE, name=_TEXT)),
    ),
    "Node": record(
        kind={"enum": ["flow-run", "task-run"]},
        id=_ID,
        label=_TEXT,
        state_type=_TYPE,
        start_time=_TIME,
        end_time=maybe(_TIME),
        parents=_EDGES,
        children=_EDGES,
        encapsulating=_EDGES,
        artifacts=many(ref("GraphArtifact")),
    ),
    "GraphArtifact": record(
        id=_ID, created=_TIME, key=maybe(_TEXT), type=maybe(_TEXT), is_latest=_BOOL, data=_ANY
    ),
    "ReceivedEvent": record(
        id=_ID,
        occurred=_TIME,
        received=_TIME,
        event=_TEXT,
        resource=_MAP,
        related=many(_MAP),
        payload=_MAP,
        follows=maybe(_ID),
    ),
    "EventPage": record(events=many(ref("ReceivedEvent")), total=_WHOLE, next_page=maybe(_TEXT)),
    "EventCount": record(value=_TEXT, label=_TEXT, count=_WHOLE, start_time=_TIME, end_time=_TIME),
    "SimpleFlowRun": record(id=_ID, state_type=_TYPE, timestamp=_TIME, duration=_NUMBER, lateness=_NUMBER),
    "TaskRunCount": record(completed=_WHOLE, failed=_WHOLE),
    "SchemaValuesValidationResponse": record(errors=many(_ANY), valid=_BOOL),
    "BulkDeleteResponse": record(deleted=many(_ID)),
    "NotFound": record(detail=_TEXT),
    "Unauthorized": record(exception_message=_TEXT),
    "ValidationError": record(exception_message=_TEXT, exception_detail=many(_MAP), request_body=_ANY),
}
