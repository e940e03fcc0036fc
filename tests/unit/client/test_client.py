"""The clients against the workspace's own store process."""

from __future__ import annotations

import asyncio
import inspect
from datetime import UTC, datetime
from uuid import uuid4

import pytest

import penstock._store.filters as grammar
from penstock import flow, task
from penstock.client.orchestration import (
    PenstockClient,
    PrefectClient,
    SyncPenstockClient,
    SyncPrefectClient,
    get_client,
)
from penstock.client.schemas import filters
from penstock.client.schemas.actions import (
    ArtifactCreate,
    ArtifactUpdate,
    LogCreate,
    VariableCreate,
    VariableUpdate,
)
from penstock.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterName,
    LogFilter,
    LogFilterFlowRunId,
    Operator,
)
from penstock.client.schemas.objects import StateType
from penstock.client.schemas.sorting import FlowRunSort
from penstock.exceptions import ObjectAlreadyExists, ObjectNotFound, PenstockHTTPStatusError
from penstock.states import Completed, Failed, Running, Scheduled


@flow(name="of the client", version="3")
def demo(n: int = 1):
    return n


@task(retries=2, tags=["t"])
def work():
    return 1


@pytest.fixture
def client():
    with get_client(sync_client=True) as made:
        yield made


def only(run):
    return FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))


def test_both_clients_have_the_same_methods_with_the_same_arguments():
    """Server section 33 (c)."""
    for name, method in inspect.getmembers(PenstockClient, inspect.iscoroutinefunction):
        if not name.startswith("_"):
            twin = getattr(SyncPenstockClient, name)
            assert list(inspect.signature(twin).parameters) == list(inspect.signature(method).parameters), (
                name
            )
            assert not inspect.iscoroutinefunction(twin), name
    assert (PrefectClient, SyncPrefectClient) == (PenstockClient, SyncPenstockClient)


def test_a_flow_run_goes_through_its_states(client):
    run = client.create_flow_run(demo, name="red-fox", parameters={"n": 2}, tags=["a"], state=Scheduled())
    assert (run.name, run.parameters, run.flow_version) == ("red-fox", {"n": 2}, "3")
    assert client.set_flow_run_state(run.id, Running()).status.value == "ACCEPT"
    aborted = client.set_flow_run_state(run.id, Scheduled().model_copy(update={"type": StateType.PENDING}))
    assert (aborted.status.value, aborted.state, type(aborted.details).__name__) == (
        "ABORT",
        None,
        "StateAbortDetails",
    )
    client.set_flow_run_state(run.id, Completed(message="well"))
    states = client.read_flow_run_states(run.id)
    assert [state.type.value for state in states] == ["SCHEDULED", "RUNNING", "COMPLETED"]
    after = client.read_flow_run(run.id)
    assert (after.state.message, after.run_count, after.state_type) == ("well", 1, StateType.COMPLETED)
    assert after.end_time >= after.start_time


def test_flow_runs_are_listed_counted_changed_and_deleted(client):
    runs = [client.create_flow_run(demo, name=f"n{i}", idempotency_key=str(uuid4())) for i in range(2)]
    wanted = FlowRunFilter(id=FlowRunFilterId(any_=[run.id for run in runs]))
    found = client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.NAME_DESC)
    assert [run.name for run in found] == ["n1", "n0"]
    assert client.count_flow_runs(flow_run_filter=wanted) == 2
    either = FlowRunFilter(
        operator=Operator.or_, name=FlowRunFilterName(any_=["n0"]), tags={"all_": ["none"]}
    )
    assert runs[0].id in {run.id for run in client.read_flow_runs(flow_run_filter=either)}
    client.update_flow_run(runs[0].id, tags=["new"], infrastructure_pid="host:1")
    client.set_flow_run_name(runs[0].id, "renamed")
    client.update_flow_run_labels(runs[0].id, {"a": 1})
    after = client.read_flow_run(runs[0].id)
    assert (after.tags, after.infrastructure_pid, after.name, after.labels) == (
        ["new"],
        "host:1",
        "renamed",
        {"a": 1},
    )
    client.delete_flow_run(runs[0].id)
    with pytest.raises(ObjectNotFound, match=str(runs[0].id)):
        client.read_flow_run(runs[0].id)


def test_flows_are_made_once_and_found(client):
    flow_id = client.create_flow(demo)
    assert client.create_flow_from_name("of the client") == flow_id
    assert client.read_flow(flow_id) == client.read_flow_by_name("of the client")
    assert flow_id in {one.id for one in client.read_flows(flow_filter={"name": {"like_": "CLIENT"}})}
    other = client.create_flow_from_name("for a moment")
    client.delete_flow(other)
    with pytest.raises(ObjectNotFound):
        client.read_flow(other)


def test_a_task_run_takes_the_policy_of_its_task(client):
    run = client.create_flow_run(demo, state=Running())
    made = client.create_task_run(work, run.id, "0", extra_tags=["x"], name="work-0")
    assert (made.tags, made.empirical_policy.retries, made.flow_run_id) == (["t", "x"], 2, run.id)
    client.set_task_run_state(made.id, Running())
    retried = client.set_task_run_state(made.id, Failed())
    assert (retried.status.value, retried.state.name) == ("REJECT", "AwaitingRetry")
    client.set_task_run_name(made.id, "renamed")
    assert client.read_task_run(made.id).name == "renamed"
    assert [state.name for state in client.read_task_run_states(made.id)] == [
        "Pending",
        "Running",
        "AwaitingRetry",
    ]
    assert [one.id for one in client.read_task_runs(flow_run_filter=only(run))] == [made.id]
    client.delete_task_run(made.id)
    with pytest.raises(ObjectNotFound):
        client.read_task_run(made.id)


def test_logs_inputs_and_artifacts(client):
    run = client.create_flow_run(demo, state=Running())
    client.create_logs(
        [LogCreate(name="l", level=20, message="m", timestamp=datetime.now(UTC), flow_run_id=run.id)]
    )
    (log,) = client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])))
    assert (log.message, log.flow_run_id) == ("m", run.id)
    client.create_flow_run_input(run.id, "k-1", '"v"', sender="me")
    with pytest.raises(ObjectAlreadyExists):
        client.create_flow_run_input(run.id, "k-1", "w")
    assert client.read_flow_run_input(run.id, "k-1") == '"v"'
    assert [one.key for one in client.filter_flow_run_input(run.id, "k", 5, {"k-2"})] == ["k-1"]
    client.delete_flow_run_input(run.id, "k-1")
    key = f"k-{uuid4()}"
    made = client.create_artifact(ArtifactCreate(key=key, type="table", data=[1], flow_run_id=run.id))
    client.update_artifact(made.id, ArtifactUpdate(data=None))
    (latest,) = client.read_latest_artifacts(artifact_filter={"key": {"any_": [key]}})
    assert (latest.latest_id, latest.data) == (made.id, None)
    assert [one.id for one in client.read_artifacts(flow_run_filter=only(run))] == [made.id]
    client.delete_artifact(made.id)


def test_variables_and_what_is_missing(client):
    name = f"v_{uuid4().hex}"
    assert client.read_variable_by_name(name) is None
    made = client.create_variable(VariableCreate(name=name, value={"a": 1}, tags=["t"]))
    with pytest.raises(ObjectAlreadyExists):
        client.create_variable(VariableCreate(name=name, value=2))
    client.update_variable(VariableUpdate(name=name, value=None))
    after = client.read_variable_by_name(name)
    assert (after.id, after.value, after.tags) == (made.id, None, ["t"])
    assert name in {one.name for one in client.read_variables()}
    client.delete_variable_by_name(name)
    with pytest.raises(PenstockHTTPStatusError, match="Invalid request"):
        client.create_variable(VariableCreate(name="Bad Name", value=1))


def test_events_follow_the_next_page_as_it_was_given(client):
    """Server section 33 (c)."""
    for _ in range(3):
        client.create_flow_run(demo)
    page = client.read_events({"event": {"name": ["prefect.flow-run.Pending"]}}, limit=2)
    assert len(page["events"]) == 2
    more = client.read_events_page(page["next_page"])
    assert not {one["id"] for one in more["events"]} & {one["id"] for one in page["events"]}


def test_the_asynchronous_client_is_opened_with_async_with():
    async def talk():
        async with get_client() as client, client:
            assert client.loop is asyncio.get_running_loop()
            assert await client.api_healthcheck() is None
            await client.raise_for_api_version_mismatch()
            run = await client.create_flow_run(demo)
            result = await client.resume_flow_run(run.id)
            assert (result.status.value, result.state) == ("ABORT", None)
        with pytest.raises(RuntimeError, match="was closed"):
            await client.__aenter__()

    asyncio.run(talk())
    with pytest.raises(RuntimeError, match="async with"), get_client():
        pass


def test_a_store_that_was_replaced_is_found_again(own_home):
    with get_client(sync_client=True) as client:
        client.hello()
        client._client.post("http://localhost/link/stop")
        assert client.hello().json() == "👋"


def test_an_api_that_is_not_there_is_said_not_raised(monkeypatch):
    monkeypatch.setenv("PENSTOCK_API_URL", "http://127.0.0.1:1/api")
    monkeypatch.setenv("PENSTOCK_CLIENT_MAX_RETRIES", "0")
    with get_client(sync_client=True) as client:
        assert "refused" in str(client.api_healthcheck()).lower()


GROUPS = {
    "FlowFilter": grammar.FLOWS,
    "FlowRunFilter": grammar.FLOW_RUNS,
    "TaskRunFilter": grammar.TASK_RUNS,
    "LogFilter": grammar.LOGS,
    "ArtifactFilter": grammar.ARTIFACTS,
    "ArtifactCollectionFilter": grammar.LATEST_ARTIFACTS,
    "VariableFilter": grammar.VARIABLES,
}


@pytest.mark.parametrize("name", GROUPS)
def test_everything_a_filter_can_say_the_store_understands(name):
    def check(kind, fields):
        for one in kind._stored():
            if one == "operator":
                continue
            inner = getattr(filters, kind.__annotations__[one].removesuffix(" | None"), None)
            known = fields[one]
            if isinstance(known, grammar.Field):
                assert set(inner._stored()) - {"operator"} <= known.operators, (name, one)
            else:
                check(inner, known)

    check(getattr(filters, name), GROUPS[name])
