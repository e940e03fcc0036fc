"""Deployments described in Python: entrypoints, schedules, parameters, and what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from penstock import flow
from penstock.deployments.runner import RunnerDeployment
from penstock.schedules import Cron, Interval, RRule, Schedule
from penstock.types.entrypoint import EntrypointType
from penstock.utilities.annotations import freeze


@flow
def at_top(x: int, y: int = 2) -> int:
    """Add two numbers."""
    return x + y


class Group:
    @flow
    @classmethod
    def of_class(cls) -> None: ...

    @flow
    @staticmethod
    def of_nothing() -> None: ...

    @flow
    def of_object(self) -> None: ...


def test_a_flow_is_found_by_its_file_or_its_module(monkeypatch, tmp_path):
    made = at_top.to_deployment("d")
    assert made.entrypoint.endswith("unit/deploying/test_describing.py:at_top")
    by_module = at_top.to_deployment("d", entrypoint_type=EntrypointType.MODULE_PATH)
    assert by_module.entrypoint.endswith("test_describing.at_top")
    monkeypatch.chdir(tmp_path)
    assert at_top.to_deployment("d").entrypoint.startswith("/")


def test_class_and_static_methods_are_found_and_bound_ones_refused():
    assert Group.of_class.to_deployment("d").entrypoint.endswith(":Group.of_class")
    assert Group.of_nothing.to_deployment("d").entrypoint.endswith(":Group.of_nothing")
    with pytest.raises(ValueError, match="bound to an object"):
        Group().of_object.to_deployment("d")


def test_a_flow_of_a_notebook_is_refused_and_says_what_to_do():
    names: dict = {"flow": flow}
    exec(compile("@flow\ndef cell(): ...", "<ipython-input-1>", "exec"), names)
    with pytest.raises(ValueError, match="defined interactively.*%%writefile"):
        names["cell"].to_deployment("d")


def test_a_flow_inside_a_function_is_refused():
    @flow
    def inner() -> None: ...

    with pytest.raises(ValueError, match="inside a function"):
        inner.to_deployment("d")


def test_what_is_not_given_comes_from_the_flow():
    made = at_top.to_deployment("nightly.py", parameters={"x": 1}, tags=["t"])
    assert (made.full_name, made.description, made.version) == (
        "at-top/nightly",
        "Add two numbers.",
        at_top.version,
    )
    assert (made.parameters, made.tags, made.paused) == ({"x": 1}, ["t"], None)
    assert list(made._parameter_openapi_schema["properties"]) == ["x", "y"]


def test_a_frozen_parameter_is_fixed_in_the_schema():
    made = at_top.to_deployment("d", parameters={"x": freeze(7)})
    assert made.parameters == {"x": 7}
    assert made._parameter_openapi_schema["properties"]["x"]["enum"] == [7]


GIVEN = {
    "numbers are seconds": ({"interval": 60}, [{"interval": 60.0}]),
    "several": ({"interval": [60, timedelta(hours=1)]}, [{"interval": 60.0}, {"interval": 3600.0}]),
    "cron": ({"cron": "0 0 * * *"}, [{"cron": "0 0 * * *"}]),
    "crons": ({"cron": ["0 0 * * *", "0 1 * * *"]}, [{"cron": "0 0 * * *"}, {"cron": "0 1 * * *"}]),
    "rule": ({"rrule": "FREQ=DAILY"}, [{"rrule": "FREQ=DAILY"}]),
    "schedule": (
        {"schedule": Cron("0 0 * * *", timezone="Europe/Berlin")},
        [{"cron": "0 0 * * *", "timezone": "Europe/Berlin"}],
    ),
    "schedules": ({"schedules": [Interval(5), {"cron": "@daily"}]}, [{"interval": 5.0}, {"cron": "@daily"}]),
    "none": ({}, []),
}


@pytest.mark.parametrize("name", GIVEN)
def test_schedules_are_given_in_many_ways(name):
    given, expected = GIVEN[name]
    bodies = [one.to_body()["schedule"] for one in at_top.to_deployment("d", **given).schedules]
    assert [{key: body[key] for key in want} for body, want in zip(bodies, expected, strict=True)] == expected


def test_schedules_of_two_kinds_are_refused():
    with pytest.raises(ValueError, match="Only one of"):
        at_top.to_deployment("d", cron="@daily", interval=5)


@pytest.mark.parametrize(
    ("options", "message"),
    [({}, "exactly one"), ({"cron": "x"}, "Invalid cron"), ({"cron": "@daily", "slug": "No Slug"}, "slug")],
)
def test_what_is_no_schedule_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Schedule(**options)


def test_a_schedule_keeps_its_parameters_and_slug():
    body = RRule("FREQ=DAILY", parameters={"x": 1}, slug="daily", active=False).to_body()
    assert body == {
        "schedule": {"rrule": "FREQ=DAILY", "timezone": "UTC"},
        "active": False,
        "parameters": {"x": 1},
        "slug": "daily",
    }


def test_an_entrypoint_can_be_deployed_without_the_flow_at_hand(tmp_path):
    (tmp_path / "elsewhere.py").write_text("from penstock import flow\n\n@flow\ndef far(n: int): ...\n")
    made = RunnerDeployment.from_entrypoint(f"{tmp_path / 'elsewhere.py'}:far", "d")
    assert (made.flow_name, list(made._parameter_openapi_schema["properties"])) == ("far", ["n"])
