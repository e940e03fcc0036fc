"""What only Dask has: kinds of clusters, annotations, workers on other machines."""

from __future__ import annotations

import dask
import distributed
import pytest

from penstock import flow, task
from penstock.exceptions import ConfigurationError
from penstock_dask import DaskTaskRunner, get_async_dask_client, get_dask_client

from . import cluster_flows as flows
from . import sample_flow
from .conftest import helpers
from .records import recorded
from .support import eventually, gone, rows, settled

pytestmark = pytest.mark.dask

IN_THREADS = {"n_workers": 1, "threads_per_worker": 1, "processes": False}


def test_a_temporary_cluster_is_gone_after_the_flow():
    before = helpers()
    seen = set()

    @flow(task_runner=DaskTaskRunner(cluster_kwargs={"n_workers": 1, "threads_per_worker": 1}))
    def chained():
        value = flows.add_one.submit(flows.add_one.submit(0)).result()
        seen.update(helpers() - before)
        return value

    assert chained() == 2
    assert seen
    gone(seen)


def test_a_temporary_cluster_is_gone_after_a_failure():
    before = helpers()
    seen = set()

    @flow(task_runner=DaskTaskRunner(cluster_kwargs={"n_workers": 1, "threads_per_worker": 1}))
    def fails():
        flows.add_one.submit(0).result()
        seen.update(helpers() - before)
        raise ValueError("in the middle")

    assert fails(return_state=True).is_failed()
    assert seen
    gone(seen)


def topics(cluster):
    return {topic for topic in cluster.scheduler._broker._topics if topic.startswith("penstock")}


def test_a_running_scheduler_is_used_by_address_and_left_as_it_was(shared):
    cluster = shared("dask")._given
    before = topics(cluster)
    runner = DaskTaskRunner(address=cluster.scheduler_address)
    assert flows.many.with_options(task_runner=runner)(3) == [0, 1, 2]
    with distributed.Client(cluster, set_as_default=False) as client:
        assert client.submit(sum, [1, 2], pure=False).result() == 3
    assert topics(cluster) <= before


def test_an_existing_cluster_and_what_makes_a_new_one_exclude_each_other(shared):
    with pytest.raises(ValueError, match="not several"):
        DaskTaskRunner(cluster=shared("dask")._given, cluster_kwargs={"n_workers": 1})


def test_a_cluster_class_is_taken_by_its_dotted_name():
    runner = DaskTaskRunner(cluster_class="distributed.LocalCluster", cluster_kwargs=IN_THREADS)
    assert flows.chain.with_options(task_runner=runner)(3) == 3


def test_a_cluster_class_that_does_not_exist_is_named():
    runner = DaskTaskRunner(cluster_class="distributed.NoSuchCluster")
    with pytest.raises(
        ConfigurationError, match=r"cluster_class 'distributed\.NoSuchCluster' cannot be imported"
    ):
        flows.chain.with_options(task_runner=runner)(1)


def test_an_adaptive_cluster_makes_workers_when_there_is_work():
    def without_workers(**kwargs):
        return distributed.LocalCluster(**{**IN_THREADS, "n_workers": 0, **kwargs})

    runner = DaskTaskRunner(
        cluster_class=without_workers,
        cluster_kwargs={"dashboard_address": ":0"},
        adapt_kwargs={"minimum": 0, "maximum": 1, "interval": "50ms"},
    )
    assert flows.chain.with_options(task_runner=runner)(2) == 2


def test_priority_decides_what_runs_first(tmp_path):
    order, gate = tmp_path / "order", tmp_path / "gate"
    with distributed.LocalCluster(**IN_THREADS, dashboard_address=":0") as cluster:

        @flow(task_runner=DaskTaskRunner(cluster=cluster))
        def ranked():
            flows.wait_for_file.submit(str(gate))
            with dask.annotate(priority=-10):
                low = flows.write_line.submit(str(order), "low")
            with dask.annotate(priority=10):
                high = flows.write_line.submit(str(order), "high")
            eventually(lambda: len(cluster.scheduler.tasks) == 3)
            gate.touch()
            return low.result(), high.result()

        ranked()
    assert order.read_text().split() == ["high", "low"]


def test_resources_are_waited_for(tmp_path):
    """A task that needs what the only worker has not got does not run; one that needs what it has does."""
    cluster = {**IN_THREADS, "resources": {"GPU": 1}}

    @flow(task_runner=DaskTaskRunner(cluster_kwargs=cluster))
    def picky():
        with dask.annotate(resources={"GPU": 1}):
            served = flows.echo.submit("served")
        with dask.annotate(resources={"GPU": 2}):
            starved = flows.write_line.submit(str(tmp_path / "ran"), "ran")
        result = served.result()
        starved.wait(0.5)
        done = starved.done()
        starved.remote[1].dask.cancel()
        starved.wait()
        return result, done, starved.state.name

    assert picky() == ("served", False, "Crashed")
    assert not (tmp_path / "ran").exists()


def test_workers_in_the_drivers_process_record_once():
    runner = DaskTaskRunner(cluster_kwargs=IN_THREADS)
    run_id = flows.shout_all.with_options(task_runner=runner)(3)
    settled(run_id, 3)
    said = rows(
        f"SELECT message FROM logs WHERE flow_run_id = '{run_id}' AND message LIKE '#%' ORDER BY message"
    )
    assert [row["message"] for row in said] == ["#0", "#1", "#2"]


def test_a_worker_on_another_machine_sends_its_records_back(shared):
    """It cannot see the workspace: states, logs and artifacts ride back with the outcome."""
    elsewhere = "import socket; socket.gethostname = lambda: 'elsewhere'"
    with dask.config.set({"distributed.worker.preload": [elsewhere]}):
        runner = DaskTaskRunner(cluster_kwargs={"n_workers": 1, "threads_per_worker": 2})
        run_id, values = sample_flow.everything.with_options(task_runner=runner)()
    here_id, same = sample_flow.everything.with_options(task_runner=shared("threads"))()
    clients = rows(f"SELECT client, count(*) AS n FROM states WHERE flow_run_id = '{run_id}' GROUP BY ALL")
    settled(here_id, 17)
    assert values == same
    assert recorded(run_id) == recorded(here_id)
    assert len(clients) == 2, clients  # the driver and, for the flow run, the store


def test_a_task_computes_collections_on_the_cluster_it_runs_on():
    """One worker with one thread: without giving up its place the task would wait for itself."""

    @task
    def by_client(numbers):
        with get_dask_client() as client:
            return client.compute(dask.delayed(sum)(numbers), sync=True)

    @task
    def by_default(numbers):
        with get_dask_client(timeout="10s"):
            return dask.delayed(max)(numbers).compute()

    @task
    async def awaited(numbers):
        async with get_async_dask_client() as client:
            return await client.compute(dask.delayed(min)(numbers))

    @flow(task_runner=DaskTaskRunner(cluster_kwargs={"n_workers": 1, "threads_per_worker": 1}))
    def collections():
        with get_dask_client() as client:
            here = client.submit(len, [1, 2]).result()
        return [t.submit([1, 2, 3]).result() for t in (by_client, by_default, awaited)], here

    assert collections() == ([6, 3, 1], 2)


def test_a_dask_client_needs_dask():
    @flow
    def on_threads():
        with get_dask_client():
            pass

    with pytest.raises(RuntimeError, match="There is no Dask cluster here"):
        on_threads()
