"""Deployments through the client."""

from __future__ import annotations

from datetime import timedelta

import pytest

from penstock._ids import new_id
from penstock._values.schedules import CronSchedule, IntervalSchedule
from penstock.client.orchestration import get_client
from penstock.exceptions import ObjectNotFound


def test_a_deployment_from_its_creation_to_its_end():
    with get_client(sync_client=True) as client:
        flow = f"flow-{new_id()}"
        made = client.create_deployment(
            client.create_flow_from_name(flow), "nightly", tags=["a"], paused=True
        )
        found = client.read_deployment_by_name(f"{flow}/nightly")
        assert (found.id, found.tags, found.paused) == (made, ["a"], True)
        client.update_deployment(made, {"description": "new"})
        client.resume_deployment(made)
        assert client.read_deployment(made).model_dump(include=["description", "paused"]) == {
            "description": "new",
            "paused": False,
        }
        client.pause_deployment(made)
        run = client.create_flow_run_from_deployment(made, tags=["b"])
        assert (run.deployment_id, run.tags) == (made, ["a", "b"])
        assert [one.id for one in client.get_scheduled_flow_runs_for_deployments([made])] == [run.id]
        assert [one.id for one in client.read_deployments(flow_filter={"name": {"any_": [flow]}})] == [made]
        client.delete_deployment(made)
        with pytest.raises(ObjectNotFound):
            client.read_deployment(made)


def test_schedules_of_a_deployment():
    with get_client(sync_client=True) as client:
        made = client.create_deployment(client.create_flow_from_name(f"flow-{new_id()}"), "d", paused=True)
        cron, hour = CronSchedule(cron="@daily"), IntervalSchedule(interval=timedelta(hours=1))
        first, second = client.create_deployment_schedules(made, [(cron, True), (hour, False)])
        assert (first.schedule, second.schedule, second.active) == (cron, hour, False)
        client.update_deployment_schedule(made, second.id, active=True)
        client.delete_deployment_schedule(made, first.id)
        assert [(one.id, one.active) for one in client.read_deployment_schedules(made)] == [(second.id, True)]
