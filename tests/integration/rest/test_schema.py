"""The OpenAPI document, and what a generator of requests makes of it: no request is ever answered with 5xx."""

from __future__ import annotations

import os

import pytest

schemathesis = pytest.importorskip("schemathesis")

from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from penstock._store.routes.openapi import document
from penstock._store.routes.rest import table

#: Requests an operation: a few with every change, hundreds with `PENSTOCK_TEST_EXAMPLES=500`.
EXAMPLES = int(os.environ.get("PENSTOCK_TEST_EXAMPLES", "2"))
DOCUMENT = document(table(), "0")
schema = schemathesis.openapi.from_dict(DOCUMENT)
schema.config.generation.update(modes=list(schemathesis.GenerationMode))


@pytest.mark.slow
@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_generated_requests_are_answered_as_documented(api, case):
    sent = case.as_transport_kwargs(base_url="http://localhost:4200")
    reply = api.request(
        sent["method"],
        sent["url"],
        params=sent.get("params"),
        json=sent.get("json"),
        content=sent.get("data"),
        headers={name: value for name, value in sent["headers"].items() if name.lower() == "content-type"},
    )
    checks = [not_a_server_error, status_code_conformance, response_schema_conformance]
    case.validate_response(schemathesis.Response.from_any(reply), checks=checks)


def test_the_document_is_served_and_describes_every_route(api):
    served = api.get("/openapi.json")
    assert served == api.request("GET", "/openapi.json").json()
    described = {(method.upper(), path) for path, item in served["paths"].items() for method in item}
    assert described == {(route.method, f"/api{route.path}") for route in table()}
    assert all(item["summary"] for path in served["paths"].values() for item in path.values())


def test_the_document_holds_every_documented_field_of_a_flow_run():
    fields = (
        "id created updated name flow_id state_id deployment_id deployment_version work_queue_id work_queue_name "
        "flow_version parameters idempotency_key context empirical_policy tags labels parent_task_run_id state_type "
        "state_name run_count expected_start_time next_scheduled_start_time start_time end_time total_run_time "
        "estimated_run_time estimated_start_time_delta auto_scheduled infrastructure_document_id infrastructure_pid "
        "created_by work_pool_id work_pool_name state job_variables"
    )
    assert set(DOCUMENT["components"]["schemas"]["FlowRunResponse"]["properties"]) == set(fields.split())
