"""What only Ray has: an instance somebody else started, options of remote functions."""

from __future__ import annotations

import pytest

from penstock import flow
from penstock_runners import RayTaskRunner
from penstock_runners.ray import remote_options

from . import cluster_flows as flows

pytestmark = pytest.mark.ray


def test_a_running_instance_is_used_and_left_running(shared):
    import ray

    shared("ray")
    assert flows.many.with_options(task_runner=RayTaskRunner())(3) == [0, 1, 2]
    assert ray.is_initialized()
    assert ray.get(ray.put(3)) == 3


def test_remote_options_hold_inside_their_block(shared):
    @flow(task_runner=shared("ray"))
    def measured():
        with remote_options(num_cpus=2):
            wide = flows.resources.submit()
        return wide.result()["CPU"], flows.resources.submit().result()["CPU"]

    assert measured() == (2.0, 1.0)


def test_a_retried_crash_is_up_to_the_user(shared, tmp_path):
    """Ray itself does not try again: tasks may have effects. `remote_options` lets it."""

    @flow(task_runner=shared("ray"))
    def risky():
        with remote_options(max_retries=1):
            kept = flows.die_once.submit(str(tmp_path / "first"))
        lost = flows.die_once.submit(str(tmp_path / "second"))
        lost.wait()
        return kept.result(), lost.state.name

    assert risky() == ("survived", "Crashed")
