"""Pausing for people: one gate, answered once, by whoever comes first."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel, field_validator

from penstock import flow, pause_flow_run, resume_flow_run, task
from penstock._engine.pauses import set_answerable
from penstock.exceptions import (
    FlowPauseTimeout,
    MissingContextError,
    NotPausedError,
    UnansweredPause,
)
from penstock.flow_runs import apause_flow_run, aresume_flow_run
from penstock.input import RunInput
from penstock.settings import temporary_settings


class Choice(RunInput):
    carrier: str
    limit: int = 5


@pytest.fixture
def running(witness, eventually) -> Callable[..., Any]:
    """Call a flow in a thread; gives (pauses opened so far, function to get its result or exception)."""

    def start(definition: Any, *args: Any) -> tuple[Callable[[int], Any], Callable[[], Any]]:
        outcome: list[Any] = []

        def work() -> None:
            try:
                outcome.append(definition(*args))
            except BaseException as error:
                outcome.append(error)

        thread = threading.Thread(target=work)
        thread.start()

        def opened(number: int) -> Any:
            eventually(lambda: len({p.id for p in witness.pauses}) >= number)
            return witness.pauses[-1]

        def result() -> Any:
            thread.join(20)
            return outcome[0]

        return opened, result

    return start


@pytest.fixture
def nobody() -> Iterator[None]:
    set_answerable(lambda: False)
    yield
    set_answerable(None)


def ask(kind: Any = None, **options: Any) -> Any:
    @flow(name="asking")
    def asking() -> Any:
        return pause_flow_run(wait_for_input=kind, **options)

    return asking


@pytest.mark.parametrize(
    ("kind", "answer", "value"),
    [
        (None, None, None),
        (int, {"value": 7}, 7),
        (str, {"value": "x"}, "x"),
        (list[int], {"value": [1, 2]}, [1, 2]),
        (bool, {"value": False}, False),
        (Choice, {"carrier": "UA"}, Choice(carrier="UA", limit=5)),
        (Choice, {"carrier": "UA", "limit": 2}, Choice(carrier="UA", limit=2)),
    ],
)
def test_a_resume_carries_the_answer_in(kind, answer, value, running, witness) -> None:
    opened, result = running(ask(kind))
    pause = opened(1)
    resume_flow_run(pause.flow_run.id, answer)

    assert result() == value
    assert witness.states("asking") == ["Pending", "Running", "Paused", "Running", "Completed"]
    assert witness.flow_runs["asking"].run_count == 1


def test_an_answer_from_the_form_is_checked_and_asked_again(running, eventually) -> None:
    opened, result = running(ask(int))
    pause = opened(1)
    pause.answer({"value": "many"})
    eventually(lambda: pause.errors)
    errors = dict(pause.errors)
    pause.answer({"value": 3})

    assert result() == 3
    assert list(errors) == ["value"]
    assert (pause.errors, pause.values, pause.answered_via) == ({}, {"value": 3}, "form")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ({"value": "many"}, "value: 'many' is not of type 'integer'"),
        ({}, "'value' is a required property"),
        (None, "'value' is a required property"),
    ],
)
def test_a_wrong_answer_is_refused_and_the_run_stays_paused(answer, text, running) -> None:
    opened, result = running(ask(int))
    run = opened(1).flow_run
    with pytest.raises(NotPausedError, match=text):
        resume_flow_run(run.id, answer)
    name = run.state.name
    resume_flow_run(run.id, {"value": 1})

    assert (name, result()) == ("Paused", 1)


def test_an_answer_from_another_process(running, script) -> None:
    opened, result = running(ask(Choice))
    run_id = str(opened(1).flow_run.id)
    script(
        """
        import json, sys
        from penstock import resume_flow_run
        resume_flow_run(sys.argv[1], json.loads(sys.argv[2]))
        """,
        run_id,
        json.dumps({"carrier": "DL"}),
    )

    assert result() == Choice(carrier="DL")


def test_a_run_that_is_not_paused_is_not_resumed(witness) -> None:
    flow(name="ended")(lambda: 1)()
    run = witness.flow_runs["ended"]

    with pytest.raises(NotPausedError, match="it is Completed, not paused"):
        resume_flow_run(run.id)


def test_the_nth_pause_is_called_n(running, witness) -> None:
    @flow
    def twice() -> Any:
        return pause_flow_run(int), pause_flow_run(int, key="mine"), pause_flow_run(int)

    opened, result = running(twice)
    keys = []
    for number in (1, 2, 3):
        pause = opened(number)
        keys.append(pause.key)
        resume_flow_run(pause.flow_run.id, {"value": number})

    assert (result(), keys) == ((1, 2, 3), ["1", "mine", "3"])


def test_a_key_is_passed_once(running) -> None:
    @flow
    def same() -> Any:
        return pause_flow_run(int, key="k"), pause_flow_run(int, key="k")

    opened, result = running(same)
    resume_flow_run(opened(1).flow_run.id, {"value": 4})

    assert result() == (4, 4)


def test_a_plain_key_is_passed_once(running, witness) -> None:
    @flow
    def same() -> str:
        pause_flow_run(key="k")
        pause_flow_run(key="k")
        return "through"

    opened, result = running(same)
    resume_flow_run(opened(1).flow_run.id)

    assert result() == "through"
    assert witness.states("same").count("Paused") == 1


def test_nobody_in_time_fails_the_run(witness) -> None:
    with pytest.raises(FlowPauseTimeout, match=r"never resumed: no answer at pause '1' in 0.05 s"):
        ask(int, timeout=0.05)()

    assert witness.states("asking")[-1] == "Failed"
    assert "Paused" in witness.states("asking")


def test_an_answer_too_late_is_refused(witness) -> None:
    with pytest.raises(FlowPauseTimeout):
        ask(int, timeout=0.05)()

    with pytest.raises(NotPausedError, match="it is Failed, not paused"):
        resume_flow_run(witness.flow_runs["asking"].id, {"value": 1})


def test_where_nobody_can_answer_the_run_stays_paused(nobody, witness, rows) -> None:
    with pytest.raises(UnansweredPause) as caught:
        ask(Choice)()

    run = witness.flow_runs["asking"]
    assert (caught.value.flow_run_id, caught.value.pause_key) == (str(run.id), "1")
    assert f"penstock flow-run resume {run.id} --input" in str(caught.value)
    assert rows(f"select state_name from runs where id = '{run.id}'") == [{"state_name": "Paused"}]


def test_return_state_of_an_unanswered_pause_is_paused(nobody) -> None:
    state = ask(int)(return_state=True)

    assert (state.type.value, type(state.data)) == ("PAUSED", UnansweredPause)


def test_an_unanswered_run_is_answered_and_continued_later(own_home, script, nobody, witness) -> None:
    code = """
    import sys
    from penstock import flow, pause_flow_run
    from penstock._engine.pauses import set_answerable
    set_answerable(lambda: False)
    @flow
    def asking():
        before = open(sys.argv[1], "a").write("x")
        return pause_flow_run(wait_for_input=int) * 2
    print(asking())
    """
    log = own_home / "calls"
    first = script(code, str(log), check=False)
    run_id = first.stderr.split("Flow run ")[-1].split(" waits for input")[0]
    resume_flow_run(run_id, {"value": 21})
    second = script(code, str(log), PENSTOCK__FLOW_RUN_ID=run_id)

    assert (first.returncode, second.stdout.strip(), log.read_text()) == (1, "42", "xx")


@pytest.mark.parametrize("name", ["asking/1", "1", "Choice", "*"])
def test_declared_answers_are_used(name, nobody, tmp_path) -> None:
    path = tmp_path / "answers.json"
    path.write_text(json.dumps({name: {"carrier": "UA"}}))

    with temporary_settings({"answers": path}):
        assert ask(Choice)() == Choice(carrier="UA")


def test_a_declared_answer_that_does_not_fit_says_so(tmp_path) -> None:
    path = tmp_path / "answers.json"
    path.write_text(json.dumps({"*": {"carrier": 5}}))

    with (
        temporary_settings({"answers": path}),
        pytest.raises(UnansweredPause, match="The declared answer was refused: carrier: Input should be"),
    ):
        ask(Choice)()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[1]", "must hold a JSON object"),
        ("{", "cannot be read"),
        ('{"*": 3}', "must be an object of fields"),
    ],
)
def test_a_bad_answers_file_is_named(text, error, tmp_path) -> None:
    path = tmp_path / "answers.json"
    path.write_text(text)

    with temporary_settings({"answers": path}), pytest.raises(UnansweredPause, match=error) as caught:
        ask(int)()
    assert str(path) in str(caught.value)


def test_initial_data_are_defaults_and_a_description(running) -> None:
    asked = Choice.with_initial_data(description="**Which?**", carrier="UA", limit=9)
    opened, result = running(ask(asked))
    pause = opened(1)
    shown = pause.question
    resume_flow_run(pause.flow_run.id, {"limit": 1})

    answer = result()
    assert (answer.carrier, answer.limit, isinstance(answer, Choice)) == ("UA", 1, True)
    assert (shown.title, shown.description, shown.bare) == ("Choice", "**Which?**", False)
    assert {name: f["default"] for name, f in shown.schema["properties"].items()} == {
        "carrier": "UA",
        "limit": 9,
    }
    with pytest.raises(TypeError, match="Choice has no field 'city'; it has carrier, limit"):
        Choice.with_initial_data(city="Bath")


def test_unknown_fields_are_refused(running) -> None:
    opened, result = running(ask(Choice))
    run_id = opened(1).flow_run.id
    with pytest.raises(NotPausedError, match="Additional properties are not allowed"):
        resume_flow_run(run_id, {"carrier": "UA", "extra": 1})
    resume_flow_run(run_id, {"carrier": "UA"})

    assert result() == Choice(carrier="UA")


def test_python_validators_raise_in_the_flow_after_a_resume(running) -> None:
    class Even(BaseModel):
        n: int

        @field_validator("n")
        @classmethod
        def even(cls, n: int) -> int:
            if n % 2:
                raise ValueError("must be even")
            return n

    @flow
    def insisting() -> int:
        while True:
            try:
                return pause_flow_run(wait_for_input=Even).n
            except ValueError:
                continue

    opened, result = running(insisting)
    resume_flow_run(opened(1).flow_run.id, {"n": 1})
    resume_flow_run(opened(2).flow_run.id, {"n": 4})

    assert result() == 4


def test_async_flows_pause_and_resume(witness, eventually) -> None:
    @flow
    async def asking() -> Any:
        return await apause_flow_run(int), await pause_flow_run(int)

    async def main() -> Any:
        run = asyncio.ensure_future(asking())
        for number in (1, 2):
            await asyncio.to_thread(eventually, lambda n=number: len(witness.pauses) >= n)
            await aresume_flow_run(witness.pauses[-1].flow_run.id, {"value": number})
        return await run

    assert asyncio.run(main()) == (1, 2)


def test_tasks_go_on_during_a_pause_and_a_task_can_pause_its_flow(running) -> None:
    release = threading.Event()

    @task
    def asking() -> int:
        return pause_flow_run(int)

    @task
    def working() -> str:
        release.wait(20)
        return "worked"

    @flow
    def both() -> Any:
        work = working.submit()
        return asking(), work.result()

    opened, result = running(both)
    pause = opened(1)
    release.set()
    resume_flow_run(pause.flow_run.id, {"value": 8})

    assert result() == (8, "worked")


def test_pausing_needs_a_flow() -> None:
    with pytest.raises(MissingContextError, match="only be paused from inside a flow"):
        pause_flow_run()


def test_what_cannot_be_asked_for_is_refused() -> None:
    with pytest.raises(TypeError, match="neither a pydantic model nor a type"):
        ask(threading.Lock())()


def test_a_retried_flow_does_not_ask_again_what_was_answered(running, witness) -> None:
    heard: list[int] = []

    @flow(retries=1)
    def asks_then_fails() -> int:
        heard.append(pause_flow_run(wait_for_input=int))
        if len(heard) == 1:
            raise ValueError("after the answer")
        return heard[-1]

    opened, result = running(asks_then_fails)
    resume_flow_run(opened(1).flow_run.id, run_input={"value": 5})

    assert result() == 5
    assert heard == [5, 5]
    assert witness.states("asks-then-fails").count("Paused") == 1
