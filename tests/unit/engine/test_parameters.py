"""Arguments: bound, coerced and refused; names, options and versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from penstock import flow, task
from penstock.exceptions import (
    InvalidNameError,
    ParameterBindError,
    ParameterTypeError,
    ReservedArgumentError,
)


class City(BaseModel):
    name: str
    people: int = 0


@flow
def typed(
    number: int = 0,
    text: str = "",
    ratio: float = 0.0,
    day: date | None = None,
    city: City | None = None,
    items: list[int] | None = None,
    word: Literal["a", "b"] = "a",
) -> Any:
    return number, text, ratio, day, city, items, word


@pytest.mark.parametrize(
    ("given", "position", "expected"),
    [
        ({"number": "5"}, 0, 5),
        ({"number": 5.0}, 0, 5),
        ({"ratio": "1.5"}, 2, 1.5),
        ({"day": "2026-01-02"}, 3, date(2026, 1, 2)),
        ({"city": {"name": "Bath", "people": "9"}}, 4, City(name="Bath", people=9)),
        ({"items": ["1", 2]}, 5, [1, 2]),
        ({"word": "b"}, 6, "b"),
    ],
)
def test_values_are_coerced_to_their_annotations(given, position, expected) -> None:
    assert typed(**given)[position] == expected


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"text": 1}, "text: Input should be a valid string"),
        ({"number": "five"}, "number: Input should be a valid integer"),
        ({"number": 5.5}, "number: Input should be a valid integer"),
        ({"city": {"people": 1}}, "city.name: Field required"),
        ({"word": "c"}, "word: Input should be 'a' or 'b'"),
    ],
)
def test_values_that_do_not_fit_fail_the_run_before_it_runs(given, text, witness) -> None:
    with pytest.raises(ParameterTypeError, match=text):
        typed(**given)

    assert witness.states("typed") == ["Pending", "Failed"]


def test_validation_can_be_switched_off_entirely() -> None:
    assert typed.with_options(validate_parameters=False)(number="5", text=1)[:2] == ("5", 1)


def test_tasks_are_not_validated() -> None:
    @task
    def work(x: int) -> Any:
        return x

    assert work("5") == "5"


@pytest.mark.parametrize("kind", [flow, task])
@pytest.mark.parametrize(("args", "kwargs"), [((), {}), ((1, 2, 3), {}), ((1,), {"z": 1}), ((1,), {"x": 1})])
def test_arguments_that_do_not_fit_the_signature(kind, args, kwargs, witness) -> None:
    def work(x: int, y: int = 2) -> int:
        return x + y

    with pytest.raises(ParameterBindError, match="Error binding parameters for function 'work'"):
        kind(work)(*args, **kwargs)

    assert (witness.flows, witness.tasks) == ([], [])


@pytest.mark.parametrize("kind", [flow, task])
@pytest.mark.parametrize("name", ["wait_for", "return_state"])
def test_reserved_names_are_refused_at_definition(kind, name) -> None:
    namespace: dict[str, Any] = {}
    exec(f"def work({name}): ...", namespace)

    with pytest.raises(ReservedArgumentError, match=f"'{name}' is a reserved argument name"):
        kind(namespace["work"])


@pytest.mark.parametrize("kind", [flow, task])
def test_every_kind_of_parameter_arrives(kind) -> None:
    def work(a: Any, /, b: Any, *rest: Any, c: Any, d: Any = 4, **more: Any) -> Any:
        return a, b, rest, c, d, more

    assert kind(work)(1, 2, 3, 3.5, c=3, e=5) == (1, 2, (3, 3.5), 3, 4, {"e": 5})
    assert kind(work)(1, b=2, c=3) == (1, 2, (), 3, 4, {})


def test_a_parameter_called_keys_or_args_works() -> None:
    @flow
    def work(keys: list[int], args: int = 1, kwargs: int = 2) -> Any:
        return keys, args, kwargs

    assert work([1], kwargs=5) == ([1], 1, 5)


def test_typed_variadics_are_validated() -> None:
    @flow
    def work(*numbers: int, **more: int) -> Any:
        return numbers, more

    assert work("1", 2, x="3") == ((1, 2), {"x": 3})
    with pytest.raises(ParameterTypeError, match=r"numbers.1"):
        work(1, "two")


def test_parameters_can_be_checked_and_written_without_a_run() -> None:
    assert typed.validate_parameters({"number": "5"}) == {"number": 5}
    assert typed.serialize_parameters({"n": 1, "city": City(name="Bath"), "o": object()}) == {
        "n": 1,
        "city": {"name": "Bath", "people": 0},
        "o": "<object>",
    }


def test_an_instance_passes_validation_of_its_own_class() -> None:
    @dataclass
    class Point:
        x: int

    @flow
    def work(p: Point, anything: object) -> Any:
        return p.x, anything

    marker = object()
    assert work(Point(3), marker) == (3, marker)


@pytest.mark.parametrize(
    ("template", "parameters", "expected"),
    [
        ("plain", {"x": 1}, "plain"),
        ("{x}-{y}", {"x": 1}, "1-two"),
        ("{x:03d}", {"x": 7}, "007"),
        ("{x:%A}", {"x": date(2026, 1, 5)}, "Monday"),
        ("{x.name}", {"x": City(name="Bath")}, "Bath"),
        ("{x[0]}", {"x": [9]}, "9"),
        (lambda: "made", {"x": 1}, "made"),
    ],
)
def test_run_names_are_made_of_parameters(template, parameters, expected, witness) -> None:
    def work(x: Any, y: str = "two") -> None: ...

    flow(flow_run_name=template)(work)(**parameters)
    task(task_run_name=template)(work)(**parameters)

    assert (witness.flow_runs["work"].name, witness.task_runs["work"].name) == (expected, expected)


def test_a_task_name_function_may_take_the_parameters(witness) -> None:
    task(task_run_name=lambda parameters: f"n-{parameters['x']}", name="work")(lambda x: x)(3)

    assert witness.task_runs["work"].name == "n-3"


def test_names_are_made_of_resolved_values(witness, rows) -> None:
    @task(task_run_name="got-{x}")
    def consume(x: int) -> int:
        return x

    @flow
    def run() -> Any:
        return consume.submit(task(lambda: 5).submit()).result()

    run()

    found = witness.task_runs["consume"]
    assert found.name == "got-5"
    assert rows(f"select name from task_runs where id = '{found.id}'") == [{"name": "got-5"}]


@pytest.mark.parametrize("template", ["{missing}", "{x.nothing}", "{x:%%%q}", lambda: 3])
def test_a_bad_name_is_an_error_that_names_the_definition(template, witness) -> None:
    with pytest.raises(TypeError, match="'work'"):
        flow(flow_run_name=template, name="work")(lambda x: x)(1)
    state = task(task_run_name=template, name="work")(lambda x: x)(1, return_state=True)

    assert witness.flows == []
    assert (state.name, type(state.data)) == ("Failed", TypeError)


def test_default_names(witness) -> None:
    @flow
    def load_all_data() -> None:
        step()

    @task
    def step() -> None: ...

    load_all_data()

    assert load_all_data.name == "load-all-data"
    assert len(witness.flow_runs["load-all-data"].name.split("-")) == 2
    prefix, _, suffix = witness.task_runs["step"].name.partition("-")
    assert (prefix, len(suffix)) == ("step", 3)
    assert int(suffix, 16) >= 0
    assert flow(lambda: 1).name == "unknown-lambda"


@pytest.mark.parametrize("char", "/%&><")
def test_flow_names_with_special_characters_are_refused(char) -> None:
    with pytest.raises(InvalidNameError, match="invalid characters"):
        flow(name=f"a{char}b")(lambda: None)

    assert task(name=f"a{char}b")(lambda: 1)() == 1


def test_descriptions_come_from_the_docstring() -> None:
    def work() -> None:
        """Do it.

        With care.
        """

    assert flow(work).description == task(work).description == "Do it.\n\nWith care."
    assert flow(description="mine")(work).description == "mine"


def test_a_flow_without_a_file_has_no_version() -> None:
    namespace: dict[str, Any] = {}
    exec("def work(): return 1", namespace)

    assert flow(namespace["work"]).version is None
    assert flow(version="7")(namespace["work"]).version == "7"
    assert len(flow(test_default_names).version) == 32


def test_with_options_tells_zero_and_false_from_not_given() -> None:
    work = flow(retries=3, persist_result=True, log_prints=True, timeout_seconds=5)(lambda: None)
    twin = work.with_options(retries=0, persist_result=False)

    assert (twin.retries, twin.persist_result, twin.log_prints, twin.timeout_seconds) == (0, False, True, 5.0)
    assert (work.retries, work.persist_result) == (3, True)


def test_with_options_of_a_task_replaces_tags_and_keeps_the_rest() -> None:
    work = task(tags=["a"], retries=2, retry_delay_seconds=[1, 2], name="n", cache_result_in_memory=False)(
        lambda: None
    )
    twin = work.with_options(tags=["b"], retries=0)

    assert (twin.tags, twin.retries, twin.name) == (frozenset({"b"}), 0, "n")
    assert (twin.retry_delay_seconds, twin.cache_result_in_memory) == ([1, 2], False)
    assert (work.tags, work.retries) == (frozenset({"a"}), 2)


@pytest.mark.parametrize("kind", [flow, task])
def test_unknown_options_are_refused(kind) -> None:
    with pytest.raises(TypeError, match="unexpected options: colour"):
        kind(lambda: None).with_options(colour="red")
    with pytest.raises(TypeError, match="must be callable"):
        kind(3)


def test_task_keys_differ_by_place_and_stay_the_same_otherwise() -> None:
    def make() -> Any:
        def work() -> None: ...

        return work

    def work() -> None: ...

    key = task(work).task_key

    assert key == task(work).task_key == task(work).with_options(retries=1).task_key
    assert task(make()).task_key != key
    assert key.startswith("work-")
    assert len(key) == len("work-") + 8


def test_a_class_with_call_can_be_a_task() -> None:
    class Adder:
        def __call__(self, x: int) -> int:
            return x + 1

    assert task(Adder())(1) == 2
