"""Loggers, adapters, print. Reference: how-to-guides/workflows/add-logging, api-ref prefect-logging-loggers."""

from __future__ import annotations

import builtins
import logging
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from penstock import flow, task
from penstock._engine import run_logging
from penstock.context import FlowRunContext, TaskRunContext
from penstock.exceptions import MissingContextError
from penstock.logging import LogEavesdropper, disable_run_logger, get_logger, get_run_logger
from penstock.logging.loggers import (
    PrefectLogAdapter,
    disable_logger,
    flow_run_logger,
    get_worker_logger,
    patch_print,
    print_as_log,
    task_run_logger,
)


class Taker(logging.Handler):
    """Keeps records."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def taken():
    taker = Taker()
    for name in ("penstock", "lib"):
        logging.getLogger(name).addHandler(taker)
    yield taker.records
    for name in ("penstock", "lib"):
        logging.getLogger(name).removeHandler(taker)


def test_loggers_are_below_ours() -> None:
    names = [get_logger(name).name for name in (None, "penstock", "penstock.x", "x")]

    assert names == ["penstock", "penstock", "penstock.x", "penstock.x"]


def test_plain_loggers_are_not_kept(rows) -> None:
    @flow
    def outer() -> None:
        get_logger("mine").warning("of nobody")

    outer()

    assert rows("select 1 from logs where message = 'of nobody'") == []


def test_run_loggers_know_their_run_and_what_they_are_given(taken, witness) -> None:
    @task
    def step() -> None:
        get_run_logger(colour="red").info("of a task", extra={"size": 3})

    @flow
    def outer() -> None:
        get_run_logger().info("of a flow")
        step()

    outer()
    flow_run, task_run = witness.flow_runs["outer"], witness.task_runs["step"]
    of_flow = next(r for r in taken if r.getMessage() == "of a flow")
    of_task = next(r for r in taken if r.getMessage() == "of a task")

    assert (of_flow.name, of_flow.flow_run_name, of_flow.flow_run_id, of_flow.flow_name) == (
        "penstock.flow_runs", flow_run.name, str(flow_run.id), "outer",
    )  # fmt: skip
    assert (of_task.name, of_task.task_run_id, of_task.task_run_name, of_task.task_name, of_task.flow_run_id) == (
        "penstock.task_runs", str(task_run.id), task_run.name, "step", str(flow_run.id),
    )  # fmt: skip
    assert (of_task.flow_run_name, of_task.flow_name, of_task.colour, of_task.size) == (
        flow_run.name,
        "outer",
        "red",
        3,
    )


def test_a_context_can_be_given_to_the_run_logger() -> None:
    @task
    def step() -> Any:
        return get_run_logger(FlowRunContext.get()).name, get_run_logger(TaskRunContext.get()).name

    @flow
    def outer() -> Any:
        return step()

    assert outer() == ("penstock.flow_runs", "penstock.task_runs")


def test_loggers_of_given_runs_carry_their_names(taken, witness) -> None:
    @task
    def step() -> None:
        pass

    @flow
    def outer() -> None:
        step()

    outer()
    flow_run, task_run = witness.flow_runs["outer"], witness.task_runs["step"]
    flow_run_logger(flow_run, outer, colour="red").warning("one")
    task_run_logger(task_run, step).warning("two")
    one, two = taken[-2:]

    assert (one.flow_run_name, one.flow_name, one.colour) == (flow_run.name, "outer", "red")
    assert (two.task_run_name, two.task_name, two.flow_run_id) == (task_run.name, "step", str(flow_run.id))
    assert two.flow_run_name == "<unknown>"


def test_children_of_adapters_keep_and_add_fields(taken) -> None:
    parent = PrefectLogAdapter(logging.getLogger("lib"), {"a": 1, "b": 1})
    child = parent.getChild("deep", {"b": 2})

    child.warning("hello", extra={"c": 3})

    assert (child.logger.name, type(child)) == ("lib.deep", PrefectLogAdapter)
    assert (taken[-1].a, taken[-1].b, taken[-1].c) == (1, 2, 3)
    assert child.process("m", {"extra": {"a": 9}}) == ("m", {"extra": {"a": 9, "b": 2}})


def test_outside_a_run_there_is_no_run_logger_unless_run_loggers_are_off() -> None:
    with pytest.raises(MissingContextError, match="disable_run_logger"):
        get_run_logger()
    with disable_run_logger():
        get_run_logger().error("to nobody")
        assert logging.getLogger("penstock.flow_runs").disabled
    assert not logging.getLogger("penstock.flow_runs").disabled


def test_a_task_with_a_logger_can_be_tested_as_a_function() -> None:
    @task
    def answer() -> int:
        get_run_logger().info("thinking")
        return 42

    with disable_run_logger():
        assert answer.fn() == 42


def test_a_disabled_logger_is_as_it_was_afterwards() -> None:
    logger = logging.getLogger("lib")
    seen = []
    for before in (True, False):
        logger.disabled = before
        with disable_logger("lib"):
            seen.append(logger.disabled)
        seen.append(logger.disabled)

    assert seen == [True, True, True, False]


def test_eavesdropping_collects_messages_of_a_logger_and_its_children() -> None:
    logger = logging.getLogger("lib")
    level = logger.level
    with LogEavesdropper("lib", level=logging.INFO) as heard:
        logger.debug("too quiet")
        logger.info("Hello, world!")
        logging.getLogger("lib.child").warning("Another %s!", "one")
    logger.error("too late")
    other = LogEavesdropper("lib")
    other.emit(logging.makeLogRecord({"msg": "by hand"}))

    assert other.text() == "by hand"
    assert heard.text() == "Hello, world!\nAnother one!"
    assert (logger.level, heard in logger.handlers) == (level, False)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("a", 1), {}, "a 1"),
        (("a", 1), {"sep": "-"}, "a-1"),
        (("a", 1), {"sep": None, "end": None}, "a 1"),
        (("a",), {"end": "!\n"}, "a!"),
        (("a",), {"end": ""}, "a"),
        ((), {}, ""),
        (("a\n\nb",), {"flush": True}, "a\n\nb"),
        (("100%",), {}, "100%"),
    ],
)
def test_print_with_sep_and_end(arguments, options, message, witness) -> None:
    @flow(log_prints=True)
    def outer() -> None:
        print(*arguments, **options)
        print("to stderr", file=sys.stderr)

    outer()

    assert [text for level, text in witness.logs if level == logging.INFO][1:3] == [message, "to stderr"]


def test_print_is_patched_for_a_block_or_for_good(monkeypatch, capsys) -> None:
    plain = builtins.print
    monkeypatch.setattr(run_logging, "_real_print", run_logging._real_print)  # what is there afterwards
    monkeypatch.setattr(builtins, "print", lambda *args: plain("real", *args))
    own = builtins.print
    with patch_print():
        inside = builtins.print
        print("outside a run")
    after = builtins.print
    patch_print()
    with patch_print():
        pass

    assert (inside, after, builtins.print) == (print_as_log, own, print_as_log)
    assert capsys.readouterr().out == "real outside a run\n"


def test_loggers_of_workers_carry_the_workers_id() -> None:
    plain = get_worker_logger(SimpleNamespace(name="W", type="process"))
    known = get_worker_logger(SimpleNamespace(name="W", type="process", backend_id=7), "mine")

    assert (type(plain), plain.name) == (logging.Logger, "penstock.workers.process.w")
    assert (type(known), known.logger.name, known.extra) == (
        PrefectLogAdapter,
        "penstock.mine",
        {"worker_id": "7"},
    )
