"""Handlers, formatters, filters, highlighters. Reference: api-ref prefect-logging-handlers, -formatters, -filters."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import signal
import sys
import threading
import time
import warnings

import pytest

from penstock import flow, get_run_logger, task
from penstock._engine.observers import Observer, add_observer, remove_observer
from penstock.exceptions import MissingContextError
from penstock.logging.filters import ObfuscateApiKeyFilter, redact_substr
from penstock.logging.formatters import JsonFormatter, PrefectFormatter, format_exception_info
from penstock.logging.handlers import APILogHandler, APILogWorker, PrefectConsoleHandler, WorkerAPILogHandler
from penstock.logging.highlighters import (
    LevelHighlighter,
    NameHighlighter,
    PrefectConsoleHighlighter,
    StateHighlighter,
    UrlHighlighter,
)
from penstock.settings import temporary_settings

RUN = "11111111-1111-1111-1111-111111111111"
TASK = "22222222-2222-2222-2222-222222222222"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def record(message: str = "hello", *args: object, name: str = "lib", level: int = 20, **fields: object):
    made = logging.LogRecord(name, level, "file", 1, message, args, None)
    made.__dict__.update(fields)
    return made


def stored(rows, like: str) -> list[dict[str, object]]:
    return rows(f"select flow_run_id, task_run_id, message from logs where message like '{like}'")


def test_a_record_may_name_its_run(rows) -> None:
    APILogHandler().handle(record("named %d", 1, flow_run_id=RUN, task_run_id=TASK))

    assert stored(rows, "named %") == [{"flow_run_id": RUN, "task_run_id": TASK, "message": "named 1"}]


def test_task_logs_carry_both_ids(rows, witness) -> None:
    @task
    def step() -> None:
        get_run_logger().info("both ids")

    @flow
    def outer() -> None:
        step.submit().wait()

    outer()
    ids = str(witness.flow_runs["outer"].id), str(witness.task_runs["step"].id)

    assert stored(rows, "both ids") == [{"flow_run_id": ids[0], "task_run_id": ids[1], "message": "both ids"}]


def test_records_from_threads_of_a_run_are_kept_with_its_logger(rows, witness) -> None:
    @flow
    def outer() -> None:
        logger = get_run_logger()
        thread = threading.Thread(target=lambda: logger.info("from a thread"))
        thread.start()
        thread.join()

    outer()

    assert [row["flow_run_id"] for row in stored(rows, "from a thread")] == [
        str(witness.flow_runs["outer"].id)
    ]


def test_a_forked_process_logs_for_its_run(rows, witness) -> None:
    @flow
    def outer() -> None:
        logger = get_run_logger()
        child = os.fork()
        if child == 0:
            logger.info("from a fork")
            APILogHandler().flush()
            os._exit(0)
        os.waitpid(child, 0)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        outer()

    assert [row["flow_run_id"] for row in stored(rows, "from a fork")] == [str(witness.flow_runs["outer"].id)]


@pytest.mark.parametrize("policy", ["warn", "error", "ignore"])
def test_a_record_without_a_run_is_not_kept_and_the_policy_is_followed(policy, rows) -> None:
    handler = APILogHandler()
    with (
        temporary_settings({"logging.to_api.when_missing_flow": policy}),
        warnings.catch_warnings(record=True) as seen,
    ):
        warnings.simplefilter("always")
        if policy == "error":
            with pytest.raises(
                MissingContextError, match="'lib' logged something for the store outside any run"
            ):
                handler.handle(record("lost"))
        else:
            handler.handle(record("lost"))

    assert len(seen) == (policy == "warn")
    assert stored(rows, "lost") == []


def test_a_message_that_is_too_long_is_cut(rows) -> None:
    with temporary_settings({"logging.to_api.max_log_size": 10}):
        APILogHandler().handle(record("long" * 100, flow_run_id=RUN))

    assert [row["message"] for row in stored(rows, "longlong%")] == ["longlonglo... [truncated]"]


def test_logs_are_not_kept_when_the_settings_say_so(rows) -> None:
    handler = APILogHandler()
    with temporary_settings({"logging.to_api.enabled": False}):
        handler.handle(record("switched off", flow_run_id=RUN))
    handler.handle(record("switched off", flow_run_id=RUN, send_to_api=False))

    assert stored(rows, "switched off") == []


def test_what_is_logged_while_a_record_is_kept_does_not_come_back() -> None:
    """Handler errors must not feed back: an observer that logs, and fails, is told once."""
    handler = APILogHandler()
    logger = logging.getLogger("other")
    told = []

    class Chatty(Observer):
        def log(self, body, at) -> None:
            told.append(body["message"])
            logger.warning("about %s", body["message"], extra={"flow_run_id": RUN})

    observer = Chatty()
    add_observer(observer)
    logger.addHandler(handler)
    try:
        logger.warning("first", extra={"flow_run_id": RUN})
    finally:
        logger.removeHandler(handler)
        remove_observer(observer)

    assert told == ["first"]


def test_a_record_that_cannot_be_formatted_is_reported_and_raises_nothing(capsys) -> None:
    APILogHandler().handle(record("%d", "no number", flow_run_id=RUN))

    assert "Logging error" in capsys.readouterr().err


def test_flush_means_that_the_store_has_the_records(witness) -> None:
    from penstock._link.client import store

    def seen(message: str) -> int:
        sql = f"select 1 from logs where message = '{message}'"
        return len(store().request("POST", "/link/sql", {"sql": sql, "limit": 10})["rows"])

    handler = APILogHandler()
    handler.handle(record("flushed", flow_run_id=RUN))
    handler.flush()
    flushed = seen("flushed")

    async def inside() -> int:
        handler.handle(record("aflushed", flow_run_id=RUN))
        handler.flush()  # does not block the loop
        await APILogHandler.aflush()
        return seen("aflushed")

    assert (flushed, asyncio.run(inside())) == (1, 1)


def test_flush_at_exit_does_not_hang_when_the_store_does(script, own_home) -> None:
    began = time.monotonic()
    done = script(
        """
        import json, os, signal, sys
        from penstock import flow, get_run_logger
        from penstock._link.session import current_session
        from penstock.settings import get_current_settings

        @flow
        def outer():
            current_session().drain(20)
            pid = json.loads((get_current_settings().home / "endpoint.json").read_text())["pid"]
            get_run_logger().info("before")
            return pid

        pid = outer()
        os.kill(pid, signal.SIGSTOP)
        print(pid, flush=True)
        import logging
        logging.getLogger("penstock.flow_runs").info("last words", extra={"flow_run_id": sys.argv[1]})
        """,
        RUN,
    )
    os.kill(int(done.stdout.split()[-1]), signal.SIGCONT)

    assert time.monotonic() - began < 30


def test_the_worker_of_logs_is_one_a_process_and_knows_the_settings() -> None:
    worker = APILogWorker.instance()
    with temporary_settings({"logging.to_api.batch_size": 1, "logging.to_api.max_log_size": 5}):
        smallest = worker.max_batch_size

    assert worker is APILogWorker.instance()
    assert (worker.max_batch_size, worker.min_interval, smallest) == (4_000_000, 2.0, 5)


def test_records_of_workers_need_a_worker_and_no_run(rows) -> None:
    handler = WorkerAPILogHandler()
    handler.handle(record("by a worker", worker_id=7))
    handler.handle(record("by a worker but whose"))

    assert stored(rows, "by a worker%") == [
        {"flow_run_id": None, "task_run_id": None, "message": "by a worker"}
    ]
    assert handler.prepare(record("x", worker_id=7))["worker_id"] == "7"


def test_the_documented_methods_of_the_handlers(rows, capsys) -> None:
    plain, worker = APILogHandler(), WorkerAPILogHandler()
    made = record("prepared %s", "once", flow_run_id=RUN, task_run_id=TASK)
    plain.emit(made)
    worker.emit(record("of a worker", worker_id=7, flow_run_id=RUN))
    worker.flush()
    asyncio.run(worker.aflush())

    assert plain.prepare(made) == {
        "flow_run_id": RUN, "task_run_id": TASK, "level": 20, "logger": "lib", "message": "prepared once",
    }  # fmt: skip
    assert [len(stored(rows, like)) for like in ("prepared once", "of a worker")] == [1, 1]
    for handler in (plain, worker):
        try:
            raise ValueError("broken")
        except ValueError:
            handler.handleError(made)
    assert capsys.readouterr().err.count("ValueError: broken") == 2


def test_lines_say_whose_they_are() -> None:
    formatter = PrefectFormatter(
        flow_run_fmt="F %(flow_run_name)r %(flow_run_id)s: %(message)s",
        task_run_fmt="T %(task_run_name)r %(task_run_id)s: %(message)s",
        format="%(name)s: %(message)s",
    )
    lines = [
        formatter.format(record(flow_run_name="f", flow_run_id=RUN)),
        formatter.format(record(flow_run_name="f", task_run_name="t")),
        formatter.format(record()),
    ]

    assert lines == [f"F 'f' {RUN}: hello", "T 't' <unknown>: hello", "lib: hello"]
    made = record(flow_run_name="f", flow_run_id=RUN)
    made.message = "already made"
    assert formatter.formatMessage(made) == f"F 'f' {RUN}: already made"


def test_json_lines_hold_the_record_and_its_error() -> None:
    try:
        raise ValueError("bad")
    except ValueError:
        made = record("n=%d", 3, colour="red")
        made.exc_info = sys.exc_info()
    line, pretty = JsonFormatter("default").format(made), JsonFormatter("pretty").format(made)

    fields = json.loads(line)
    assert (fields["message"], fields["colour"], fields["args"]) == ("n=3", "red", ["3"])
    assert (fields["exc_info"]["type"], fields["exc_info"]["message"]) == ("ValueError", "bad")
    assert "Traceback" in fields["exc_info"]["traceback"]
    assert "\n" not in line
    assert json.loads(pretty) == fields
    assert "\n" in pretty
    assert format_exception_info((None, None, None)) == {}
    with pytest.raises(ValueError, match="'pretty' or 'default', not 'x'"):
        JsonFormatter("x")


def test_the_api_key_is_masked_in_messages() -> None:
    made = record("key %s in %s", "s3cret", {"nested": ["s3cret"]})
    with temporary_settings({"api.key": "s3cret"}):
        assert ObfuscateApiKeyFilter().filter(made)

    assert made.getMessage() == "key ******** in {'nested': ['********']}"
    assert redact_substr((1, {"a": "xx"}, {"x": "axb"}), "x") == (
        1,
        {"a": "****************"},
        {"********": "a********b"},
    )


def console(stream, **options) -> PrefectConsoleHandler:
    handler = PrefectConsoleHandler(stream=stream, **options)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    return handler


def test_a_terminal_gets_colours_unless_the_settings_say_no(monkeypatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured, plain, file = Terminal(), Terminal(), io.StringIO()
    console(coloured).handle(record())
    with temporary_settings({"logging.colors": False}):
        console(plain).handle(record())
    handler = PrefectConsoleHandler(stream=file)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    handler.emit(record())

    assert (plain.getvalue(), file.getvalue()) == ("INFO hello\n", "INFO hello\n")
    assert "\x1b[" in coloured.getvalue()
    assert "hello" in coloured.getvalue()


def test_a_line_is_flushed_as_soon_as_it_is_written() -> None:
    raw = io.BytesIO()
    handler = PrefectConsoleHandler(stream=io.TextIOWrapper(raw, write_through=False))
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.handle(record())

    assert raw.getvalue() == b"hello\n"


def test_square_brackets_are_markup_only_on_request() -> None:
    text = "a [bold red]fancy[/] [dbo].[Table]"
    plain, marked = Terminal(), io.StringIO()
    with temporary_settings({"logging.colors": False}):
        console(plain).handle(record(text))
    with temporary_settings({"logging.markup": True}):
        console(marked).handle(record(text))

    assert plain.getvalue() == f"INFO {text}\n"
    assert "[bold red]" not in marked.getvalue()
    assert "fancy" in marked.getvalue()


def test_a_highlighter_and_styles_of_ones_own(monkeypatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)

    class Mails(PrefectConsoleHighlighter):
        base_style = "log."
        highlights = PrefectConsoleHighlighter.highlights + [r"(?P<email>[\w-]+@([\w-]+\.)+[\w-]+)"]

    stream = Terminal()
    handler = console(stream, highlighter=Mails, styles={"log.email": "magenta"}, level=logging.INFO)
    handler.handle(record("to my@email.com"))

    assert "\x1b[35mmy@email.com\x1b[0m" in stream.getvalue()


@pytest.mark.parametrize(
    ("highlighter", "text", "style"),
    [
        (LevelHighlighter, "x WARNING y", "log.warning_level"),
        (UrlHighlighter, "at https://a.b/c?d=1 now", "log.web_url"),
        (NameHighlighter, "Flow run 'odd-name' began", "log.flow_run_name"),
        (StateHighlighter, "Finished in state Completed()", "log.completed_state"),
        (PrefectConsoleHighlighter, "Task run 'x' Failed", "log.failed_state"),
    ],
)
def test_what_is_highlighted(highlighter, text, style) -> None:
    from rich.text import Text

    spans = Text(text)
    highlighter().highlight(spans)

    assert style in {span.style for span in spans.spans}
