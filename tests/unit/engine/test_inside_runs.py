"""What code inside a run can know and say: runtime, contexts, logs, prints, artifacts, edges."""

from __future__ import annotations

import json
import logging
import math
from typing import Any
from uuid import UUID

import pytest

from penstock import flow, get_run_logger, runtime, tags, task
from penstock.artifacts import (
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from penstock.context import FlowRunContext, TaskRunContext, get_run_context
from penstock.exceptions import MissingContextError
from penstock.logging import disable_run_logger


def test_runtime_outside_a_run_is_empty() -> None:
    assert (runtime.flow_run.id, runtime.flow_run.tags, runtime.flow_run.parameters) == (None, [], {})
    assert (runtime.flow_run.run_count, runtime.task_run.run_count, runtime.task_run.id) == (0, 0, None)
    for module in (runtime.flow_run, runtime.task_run):
        with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
            module.nonsense  # noqa: B018


def test_runtime_inside_a_flow_and_a_task(witness) -> None:
    @task
    def step(y: int, z: int = 5) -> dict[str, Any]:
        own = runtime.task_run
        return {
            "id": own.id,
            "name": own.name,
            "task_name": own.task_name,
            "parameters": own.parameters,
            "run_count": own.run_count,
            "tags": own.tags,
            "flow_run_id": runtime.flow_run.id,
        }

    @flow(flow_run_name="here")
    def outer(x: int, unset: int = 1) -> Any:
        own = runtime.flow_run
        about = (own.id, own.name, own.flow_name, own.parameters, own.tags, own.run_count)
        return about, step.submit(2).result()

    with tags("t"):
        about, inner = outer(3)

    run, step_run = witness.flow_runs["outer"], witness.task_runs["step"]
    assert about == (str(run.id), "here", "outer", {"x": 3}, ["t"], 1)
    assert inner == {
        "id": str(step_run.id),
        "name": step_run.name,
        "task_name": "step",
        "parameters": {"y": 2, "z": 5},
        "run_count": 1,
        "tags": ["t"],
        "flow_run_id": str(run.id),
    }


def test_runtime_knows_the_parent(witness) -> None:
    @flow
    def inner() -> Any:
        return runtime.flow_run.parent_flow_run_id, runtime.flow_run.root_flow_run_id

    @flow
    def middle() -> Any:
        return inner()

    @flow
    def outer() -> Any:
        return runtime.flow_run.parent_flow_run_id, runtime.flow_run.root_flow_run_id, middle()

    parent, root, (above, top) = outer()

    outermost = str(witness.flow_runs["outer"].id)
    assert (parent, root) == (None, outermost)
    assert (above, top) == (str(witness.flow_runs["middle"].id), outermost)


def test_contexts_are_there_inside_and_gone_after() -> None:
    @task
    def step() -> Any:
        return get_run_context() is TaskRunContext.get(), FlowRunContext.get() is not None

    @flow
    def outer() -> Any:
        return get_run_context() is FlowRunContext.get(), TaskRunContext.get(), step(), step.submit().result()

    assert outer() == (True, None, (True, True), (True, True))
    assert (FlowRunContext.get(), TaskRunContext.get()) == (None, None)
    with pytest.raises(MissingContextError, match="No run context available"):
        get_run_context()


def test_tags_add_up_and_end_with_their_block() -> None:
    with tags("a") as first, tags("b", "a") as second:
        assert (first, second) == ({"a"}, {"a", "b"})
    with tags() as none:
        assert none == set()


def test_logs_of_runs_are_in_the_store_with_their_run(rows, witness) -> None:
    @task
    def step() -> None:
        get_run_logger().warning("from task %d", 1)

    @flow
    def outer() -> None:
        get_run_logger().info("from flow", extra={"colour": "red"})
        step()

    outer()

    flow_id, task_id = str(witness.flow_runs["outer"].id), str(witness.task_runs["step"].id)
    found = rows(
        f"select level, name, message, task_run_id from logs where flow_run_id = '{flow_id}' "
        "and message like 'from %' order by at_us, seq"
    )
    assert found == [
        {"level": 20, "name": "penstock.flow_runs", "message": "from flow", "task_run_id": None},
        {"level": 30, "name": "penstock.task_runs", "message": "from task 1", "task_run_id": task_id},
    ]


def test_there_is_no_run_logger_outside_a_run() -> None:
    with pytest.raises(MissingContextError, match="no active flow or task run"):
        get_run_logger()


def test_an_error_is_logged_with_its_traceback(witness) -> None:
    @task
    def broken() -> None:
        raise ValueError("deep")

    broken(return_state=True)

    errors = [message for level, message in witness.logs if level == logging.ERROR]
    assert "Traceback" in errors[0]
    assert "ValueError: deep" in errors[0]


def test_logs_can_be_switched_off(witness) -> None:
    with disable_run_logger():
        flow(lambda: get_run_logger().info("unseen"))()

    assert witness.logs == []


@pytest.mark.parametrize(
    ("flow_prints", "task_prints", "expected"),
    [
        (True, None, "log"),
        (None, True, "log"),
        (True, False, "out"),
        (None, None, "out"),
        (False, True, "log"),
    ],
)
def test_prints_become_logs_by_task_then_flow(flow_prints, task_prints, expected, witness, capsys) -> None:
    @task(log_prints=task_prints)
    def step() -> None:
        print("one", 2, sep="-", end="!\n")

    @flow(log_prints=flow_prints)
    def outer() -> None:
        step()

    outer()

    logged = [message for level, message in witness.logs if message.startswith("one")]
    assert (logged, capsys.readouterr().out) == ((["one-2!"], "") if expected == "log" else ([], "one-2!\n"))


def test_prints_to_files_and_outside_runs_stay_prints(tmp_path, capsys, witness) -> None:
    path = tmp_path / "out"

    @flow(log_prints=True)
    def outer() -> None:
        with path.open("w") as file:
            print("to file", file=file)

    outer()
    print("outside")

    assert (path.read_text(), capsys.readouterr().out) == ("to file\n", "outside\n")
    assert not [message for _, message in witness.logs if message in ("to file", "outside")]


NAN_TABLE = [{"a": 1, "b": math.nan}, {"a": None, "b": "x"}]


@pytest.mark.parametrize(
    ("make", "kind", "data"),
    [
        (lambda: create_link_artifact("https://x.y", "text"), "markdown", "[text](https://x.y)"),
        (lambda: create_link_artifact("https://x.y"), "markdown", "[https://x.y](https://x.y)"),
        (lambda: create_markdown_artifact("# Title\n  code"), "markdown", "# Title\n  code"),
        (lambda: create_table_artifact(NAN_TABLE), "table", '[{"a":1,"b":null},{"a":null,"b":"x"}]'),
        (lambda: create_table_artifact({"a": [1, 2]}), "table", '{"a":[1,2]}'),
        (lambda: create_table_artifact([[1, "x"]]), "table", '[[1,"x"]]'),
        (lambda: create_table_artifact([{"n": 2**70}]), "table", f'[{{"n":"{2**70}"}}]'),
        (lambda: create_progress_artifact(40), "progress", 40.0),
        (lambda: create_progress_artifact(140), "progress", 100.0),
        (lambda: create_progress_artifact(-1), "progress", 0.0),
        (lambda: create_image_artifact("https://x.y/i.png"), "image", "https://x.y/i.png"),
    ],
)
def test_each_kind_of_artifact_is_stored(make, kind, data, rows) -> None:
    id = make()

    found = rows(f"select type, data, key, flow_run_id from artifacts where id = '{id}'")

    assert isinstance(id, UUID)
    assert [(row["type"], json.loads(row["data"])) for row in found] == [(kind, data)]
    assert (found[0]["key"], found[0]["flow_run_id"]) == (None, None)


def test_a_frame_with_missing_values_becomes_rows(rows) -> None:
    pandas = pytest.importorskip("pandas")
    id = create_table_artifact(
        pandas.DataFrame({"a": [1.0, math.nan], "t": pandas.to_datetime(["2026-01-01", None])})
    )

    [row] = rows(f"select data from artifacts where id = '{id}'")

    assert json.loads(json.loads(row["data"])) == [
        {"a": 1.0, "t": "2026-01-01 00:00:00"},
        {"a": None, "t": None},
    ]


def test_an_artifact_belongs_to_the_run_that_made_it(witness) -> None:
    @task
    def step() -> None:
        create_markdown_artifact("m", key="from-task", description="d")

    @flow
    def outer() -> None:
        create_markdown_artifact("m", key="from-flow")
        step.submit()

    outer()

    by_key = {body["key"]: body for body in witness.artifacts}
    flow_id, task_id = witness.flow_runs["outer"].id, witness.task_runs["step"].id
    assert (by_key["from-flow"]["flow_run_id"], by_key["from-flow"]["task_run_id"]) == (flow_id, None)
    assert (by_key["from-task"]["flow_run_id"], by_key["from-task"]["task_run_id"]) == (flow_id, task_id)


@pytest.mark.parametrize("key", ["Upper", "under_score", "space key", "", "x/y", "trailing\n", "ü"])
def test_keys_hold_lower_case_letters_digits_and_dashes(key, witness) -> None:
    with pytest.raises(ValueError, match="must hold only lower-case letters, digits and dashes"):
        create_markdown_artifact("m", key=key)

    assert witness.artifacts == []


def test_progress_moves_in_place_and_keeps_what_is_not_given(rows) -> None:
    id = create_progress_artifact(10, key="bar", description="loading")
    update_progress_artifact(id, 55)
    update_progress_artifact(id, 250, description="done")

    found = rows(
        f"select data, key, description from artifacts where id = '{id}' order by created desc limit 1"
    )

    assert found == [{"data": "100.0", "key": "bar", "description": "done"}]


def test_edges_follow_values_that_are_passed_on(rows, witness) -> None:
    @task
    def make() -> list[dict[str, int]]:
        return [{"a": 1}]

    @task
    def use(data: Any) -> None: ...

    @flow
    def outer() -> None:
        made = make()
        use(made)
        use(made[0])
        use([made])
        use(3)

    outer()

    source = witness.task_runs["make"].id
    found = rows(f"select count(distinct task_run_id) as n from edges where upstream_id = '{source}'")
    assert found == [{"n": 3}]
