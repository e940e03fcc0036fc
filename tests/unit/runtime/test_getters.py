"""The functions behind the attributes of penstock.runtime. Reference: api-ref prefect-runtime-flow_run and others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from penstock import flow, tags, task
from penstock._values.states import utc_now
from penstock.context import FlowRunContext
from penstock.runtime import deployment, flow_run, task_run
from penstock.settings import temporary_settings

DEPLOYMENT = UUID("33333333-3333-3333-3333-333333333333")


def test_getters_of_a_flow_run_inside_a_child_run(witness) -> None:
    @flow(version="7", flow_run_name="child")
    def inner(x: int, y: int = 2) -> Any:
        return {
            "id": flow_run.get_id(),
            "name": flow_run.get_name(),
            "flow": (flow_run.get_flow_name(), flow_run.get_flow_version()),
            "tags": flow_run.get_tags(),
            "count": flow_run.get_run_count(),
            "parameters": flow_run.get_parameters(),
            "above": (flow_run.get_parent_flow_run_id(), flow_run.get_root_flow_run_id()),
            "late": utc_now() - flow_run.get_scheduled_start_time() < timedelta(minutes=1),
            "started by": (flow_run.get_parent_deployment_id(), flow_run.get_job_variables()),
        }

    @flow
    def outer() -> Any:
        return inner(1)

    with tags("t"):
        seen = outer()
    child, parent = str(witness.flow_runs["inner"].id), str(witness.flow_runs["outer"].id)

    assert seen == {
        "id": child,
        "name": "child",
        "flow": ("inner", "7"),
        "tags": ["t"],
        "count": 1,
        "parameters": {"x": 1},
        "above": (parent, parent),
        "late": True,
        "started by": (None, None),
    }


def test_getters_of_a_task_run(witness) -> None:
    @task(task_run_name="step-{x}", tags=["own"])
    def step(x: int, y: int = 2) -> Any:
        about = (task_run.get_id(), task_run.get_name(), task_run.get_task_name())
        return about, task_run.get_tags(), task_run.get_run_count(), task_run.get_parameters()

    seen = flow(lambda: step(1), name="outer")()

    run = witness.task_runs["step"]
    assert seen == ((str(run.id), "step-1", "step"), ["own"], 1, {"x": 1, "y": 2})


def test_getters_of_addresses(witness) -> None:
    @task
    def step() -> Any:
        return task_run.get_task_run_api_url(), task_run.get_task_run_ui_url()

    @flow
    def outer() -> Any:
        return flow_run.get_flow_run_api_url(), flow_run.get_flow_run_ui_url(), *step()

    with temporary_settings({"api.url": "http://host/api"}):
        seen = outer()
    run, step_run = witness.flow_runs["outer"].id, witness.task_runs["step"].id

    assert seen == (
        f"http://host/api/flow_runs/{run}",
        f"http://host/runs/flow-run/{run}",
        f"http://host/api/task_runs/{step_run}",
        f"http://host/runs/task-run/{step_run}",
    )
    assert outer() == (None, None, None, None)


def test_getters_see_no_mocks(monkeypatch) -> None:
    monkeypatch.setenv("PENSTOCK__RUNTIME__FLOW_RUN__NAME", "mocked")

    assert (flow_run.name, flow_run.get_name()) == ("mocked", None)


def test_a_run_of_a_deployment_knows_it(witness) -> None:
    """Which deployments there are is not known to this store, so they have no name here."""

    @flow
    def outer(x: int, y: int = 2) -> Any:
        FlowRunContext.get().flow_run.deployment_id = DEPLOYMENT
        about = (deployment.get_id(), deployment.get_name(), deployment.get_version())
        return about, deployment.get_flow_run_id(), deployment.get_parameters(), inner()

    @flow
    def inner() -> Any:
        return flow_run.get_parent_deployment_id(), deployment.get_id(), deployment.get_parameters()

    about, run_id, parameters, below = outer(1)

    assert about == (str(DEPLOYMENT), None, None)
    assert (run_id, parameters) == (str(witness.flow_runs["outer"].id), {"x": 1})
    assert below == (str(DEPLOYMENT), None, {})
