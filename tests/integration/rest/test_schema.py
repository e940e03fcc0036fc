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

#: `--nightly` takes the full size.
NIGHTLY = os.environ.get("PENSTOCK_TEST_NIGHTLY") == "1"
#: Random requests an operation.
EXAMPLES = 500 if NIGHTLY else 12
DOCUMENT = document(table(), "0")
#: Bodies made of the same four filters, with 1,300 boundary values each: every day one route stands for all of them.
FILTERS = {"flows", "flow_runs", "task_runs", "deployments"}
STANDS_FOR_THEM = "/api/flow_runs/filter"
SETTINGS = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


def read(boundary_values: bool):
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    schema.config.generation.update(modes=list(schemathesis.GenerationMode))
    schema.config.phases.coverage.enabled = boundary_values
    return schema


def filters_alone() -> list[str]:
    """Paths whose bodies hold the four filters."""
    found = []
    for path, item in DOCUMENT["paths"].items():
        body = item.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json", {})
        if body.get("schema", {}).get("properties", {}).keys() >= FILTERS:
            found.append(path)
    return found


def bounded():
    schema = read(boundary_values=True)
    return schema if NIGHTLY else schema.exclude(path=[p for p in filters_alone() if p != STANDS_FOR_THEM])


def answer(api, case) -> None:
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


@pytest.mark.slow
@read(boundary_values=False).parametrize()
@settings(SETTINGS, max_examples=EXAMPLES, phases=[Phase.explicit, Phase.generate])
def test_random_requests_are_answered_as_documented(api, case):
    answer(api, case)


@pytest.mark.slow
@bounded().parametrize()
@settings(SETTINGS, max_examples=1, phases=[Phase.explicit])
def test_boundary_values_are_answered_as_documented(api, case):
    answer(api, case)


def test_one_route_stands_for_those_with_the_same_filters():
    same = filters_alone()
    assert len(same) > 15
    assert STANDS_FOR_THEM in same


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
