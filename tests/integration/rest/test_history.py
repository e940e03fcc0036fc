from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

START = datetime(2030, 1, 1, tzinfo=UTC)


def at(minutes):
    return (START + timedelta(minutes=minutes)).isoformat()


def scheduled(api, minutes, **fields):
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": at(minutes)}}
    return api.flow_run(state, **fields)


def body(minutes=30, interval=600, **filters):
    return {
        "history_start": at(0),
        "history_end": at(minutes),
        "history_interval_seconds": interval,
        **filters,
    }


def test_runs_count_in_the_interval_of_their_expected_start(own_api):
    """Server section 24 (c): a run exactly at a boundary belongs to the later interval."""
    for minutes in (0, 9, 10, 25, 30):
        scheduled(own_api, minutes)
    history = own_api.post("/flow_runs/history", body())
    assert [(one["interval_start"], one["interval_end"]) for one in history] == [
        (f"2030-01-01T00:{a:02}:00Z", f"2030-01-01T00:{a + 10:02}:00Z") for a in (0, 10, 20)
    ]
    assert [sum(state["count_runs"] for state in one["states"]) for one in history] == [2, 1, 1]
    assert history[0]["states"] == [
        {
            "state_type": "SCHEDULED",
            "state_name": "Scheduled",
            "count_runs": 2,
            "sum_estimated_run_time": 0.0,
            "sum_estimated_lateness": 0.0,
        }
    ]


def test_states_within_an_interval_come_in_order(own_api):
    for name in ("Zeta", "Alpha"):
        run = scheduled(own_api, 1)["id"]
        own_api.propose(run, "SCHEDULED", name=name, state_details={"scheduled_time": at(1)})
    states = own_api.post("/flow_runs/history", body(10))[0]["states"]
    assert [state["state_name"] for state in states] == ["Alpha", "Zeta"]


@pytest.mark.parametrize(
    "change",
    [
        {"history_interval_seconds": 0.5},
        {"history_interval_seconds": None},
        {"history_interval_seconds": "60"},
        {"history_start": "soon"},
        {"history_end": None},
        {"history_end": "9999-12-31T23:59:59-14:00"},
    ],
)
def test_an_interval_below_a_second_or_no_time_is_refused(api, change):
    """Server section 24 (c): 422, not rounding."""
    api.post("/flow_runs/history", {**body(), **change}, 422)


def test_there_are_at_most_500_intervals(api):
    assert len(api.post("/flow_runs/history", body(60 * 24, 60))) == 500
    assert api.post("/flow_runs/history", {**body(), "history_end": at(-1)}) == []


def test_history_obeys_filters_and_exists_for_task_runs(own_api):
    run = own_api.flow_run("RUNNING", tags=["a"])
    own_api.task_run(run["id"])
    now = datetime.now(UTC)
    around = {
        "history_start": (now - timedelta(hours=1)).isoformat(),
        "history_end": (now + timedelta(hours=1)).isoformat(),
        "history_interval": 7200,
    }
    counted = [
        own_api.post("/flow_runs/history", {**around, "flow_runs": {"tags": {"all_": [tag]}}})[0]["states"]
        for tag in ("a", "b")
    ]
    assert [len(states) for states in counted] == [1, 0]
    assert counted[0][0]["sum_estimated_run_time"] > 0
    tasks = own_api.post("/task_runs/history", around)[0]["states"]
    assert [(state["state_type"], state["count_runs"]) for state in tasks] == [("PENDING", 1)]


def test_lateness_is_an_average_over_what_is_overdue(own_api):
    """Server section 6 (c): started late, overdue and not started, and ended without a start."""
    assert own_api.post("/flow_runs/lateness", {}) is None
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": past}}
    overdue, started, ended = (own_api.flow_run(state)["id"] for _ in range(3))
    own_api.propose(started, "RUNNING")
    own_api.propose(ended, "CANCELLED")
    deltas = [
        own_api.get(f"/flow_runs/{run}")["estimated_start_time_delta"] for run in (overdue, started, ended)
    ]
    assert deltas == [pytest.approx(3600, abs=60), pytest.approx(3600, abs=60), 0]
    assert own_api.post("/flow_runs/lateness", {}) == pytest.approx(2400, abs=60)
