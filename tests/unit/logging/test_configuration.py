"""Configuration of logging: built in, from a file, changed by variables. Reference: advanced/logging-customization."""

from __future__ import annotations

import io
import logging
from logging.handlers import MemoryHandler

import pytest

from penstock import flow, get_run_logger
from penstock._engine.log_setup import _attach, overrides, silence_console
from penstock._engine.log_setup import setup_logging as set_up_runs
from penstock.exceptions import ConfigurationError
from penstock.logging.configuration import load_logging_config, setup_logging
from penstock.logging.handlers import APILogHandler, PrefectConsoleHandler
from penstock.settings import get_current_settings, temporary_settings
from penstock.settings._layers import forget

from .conftest import OURS

pytestmark = pytest.mark.usefixtures("fresh")


@pytest.fixture
def file(tmp_path):
    """A configuration to be written, which the settings name."""
    path = tmp_path / "logging.yml"
    with temporary_settings({"logging.config_path": path}):
        yield path


def shape() -> dict[str, object]:
    """What the loggers are like."""
    return {
        name: (
            [(type(h), h.level, type(h.formatter)) for h in logging.getLogger(name).handlers],
            logging.getLogger(name).level,
            logging.getLogger(name).propagate,
        )
        for name in ("penstock", "penstock.flow_runs", "penstock.task_runs", "penstock._internal")
    }


def clear() -> None:
    for name in OURS:
        logging.getLogger(name).handlers[:] = []
        logging.getLogger(name).setLevel(logging.NOTSET)
        logging.getLogger(name).propagate = True


def test_the_quick_way_sets_up_what_the_built_in_configuration_says() -> None:
    _attach(console=True)
    quick = shape()
    clear()
    setup_logging(incremental=False)

    assert shape() == quick
    assert quick["penstock"][1:] == (logging.INFO, False)


def test_without_a_file_neither_yaml_nor_rich_nor_logging_config_is_loaded(script) -> None:
    done = script(
        """
        import sys
        from penstock import flow, get_run_logger
        flow(lambda: get_run_logger().info("hello"))()
        print(sorted({"yaml", "rich", "logging.config", "pydantic"} & set(sys.modules)))
        """
    )

    assert done.stdout.splitlines()[-1] == "[]"
    assert " | INFO    | Flow run '" in done.stderr


def test_a_file_takes_the_place_of_the_built_in_configuration(file, witness) -> None:
    file.write_text(
        """
        version: 1
        formatters:
          short: {(): penstock.logging.formatters.PrefectFormatter, format: "%(message)s", flow_run_fmt: "F %(flow_name)s %(message)s"}
        handlers:
          mine: {class: logging.StreamHandler, formatter: short, stream: ext://sys.stdout, level: "${PENSTOCK_LOGGING_LEVEL}"}
          api: {class: penstock.logging.handlers.APILogHandler}
        loggers:
          penstock: {level: INFO, handlers: [mine], propagate: false}
          penstock.flow_runs: {handlers: [api]}
        """
    )

    setup_logging()

    handler = logging.getLogger("penstock").handlers[0]
    assert (type(handler), handler.level, len(logging.getLogger("penstock").handlers)) == (
        logging.StreamHandler,
        20,
        1,
    )
    record = logging.makeLogRecord({"msg": "m", "flow_run_name": "r", "flow_name": "f"})
    assert handler.format(record) == "F f m"


def test_a_file_in_the_workspace_is_found_by_the_first_run(script, home, tmp_path) -> None:
    (tmp_path / "logging.yml").write_text(
        "version: 1\nhandlers: {out: {class: logging.StreamHandler, stream: 'ext://sys.stdout'}}\n"
        "loggers: {penstock.flow_runs: {level: INFO, handlers: [out], propagate: false}}\n"
    )
    done = script(
        """
        from penstock import flow, get_run_logger
        flow(lambda: get_run_logger().info("from the file"))()
        """,
        PENSTOCK_LOGGING_SETTINGS_PATH=str(tmp_path / "logging.yml"),
    )

    assert "from the file" in done.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "logging.yml cannot be read"),
        ("- a", "logging.yml is not a table"),
        (
            "version: 1\nhandlers: {x: {class: no.such.Handler}}",
            "cannot be used: Cannot resolve 'no.such.Handler'",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_told(text, message, file) -> None:
    file.write_text(text)

    with pytest.raises(ConfigurationError, match=message):
        setup_logging(incremental=False)


def test_variables_replace_values_of_the_configuration(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PENSTOCK_LOGGING_LOGGERS_PENSTOCK_FLOW_RUNS_LEVEL", "ERROR")
    monkeypatch.setenv("PENSTOCK_LOGGING_FORMATTERS_STANDARD_FLOW_RUN_FMT", "%(flow_run_id)s - %(message)s")
    monkeypatch.setenv("PENSTOCK_LOGGING_LOGGERS_PENSTOCK_TASK_RUNS_HANDLERS", "api,console")
    monkeypatch.setenv("PENSTOCK_LOGGING_LOGGERS_PENSTOCK_PROPAGATE", "true")
    monkeypatch.setenv("PENSTOCK_LOGGING_LEVEL", "debug")

    config = load_logging_config(tmp_path / "none.yml")

    assert config["loggers"]["penstock.flow_runs"]["level"] == "ERROR"
    assert config["loggers"]["penstock.task_runs"]["handlers"] == ["api", "console"]
    assert config["loggers"]["penstock"] == {"level": "DEBUG", "handlers": ["console"], "propagate": True}
    assert config["formatters"]["standard"]["flow_run_fmt"] == "%(flow_run_id)s - %(message)s"


def test_an_override_counts_for_flow_runs_and_not_for_task_runs(monkeypatch) -> None:
    monkeypatch.setenv("PENSTOCK_LOGGING_LOGGERS_PENSTOCK_FLOW_RUNS_LEVEL", "ERROR")

    set_up_runs()

    assert not logging.getLogger("penstock.flow_runs").isEnabledFor(logging.INFO)
    assert logging.getLogger("penstock.task_runs").isEnabledFor(logging.INFO)


def test_an_override_may_be_in_the_profile_or_in_a_dotenv_file(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = "PENSTOCK_LOGGING_LOGGERS_PENSTOCK_FLOW_RUNS_LEVEL"
    monkeypatch.setenv("PENSTOCK_PROFILES_PATH", str(tmp_path / "profiles.toml"))
    (tmp_path / "profiles.toml").write_text(f'[profiles.ephemeral]\n{name} = "ERROR"\n')
    forget()
    seen = [load_logging_config(tmp_path / "none.yml")["loggers"]["penstock.flow_runs"]["level"]]
    (tmp_path / ".env").write_text(f"{name}=CRITICAL\n")
    forget()
    seen.append(load_logging_config(tmp_path / "none.yml")["loggers"]["penstock.flow_runs"]["level"])

    assert seen == ["ERROR", "CRITICAL"]


def test_a_variable_that_means_nothing_is_told(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PENSTOCK_LOGGING_LOGERS_PENSTOCK_LEVEL", "INFO")

    with pytest.warns(UserWarning, match="is called PENSTOCK_LOGGING_LOGERS_PENSTOCK_LEVEL"):
        load_logging_config(tmp_path / "none.yml")


def test_the_root_logger_of_the_user_is_never_touched(monkeypatch) -> None:
    monkeypatch.setenv("PENSTOCK_LOGGING_ROOT_LEVEL", "DEBUG")
    own = logging.StreamHandler(io.StringIO())
    monkeypatch.setattr(logging.root, "handlers", [own])
    setup_logging(incremental=False)
    with_own = (logging.root.handlers[:], logging.root.level)
    logging.root.handlers[:] = []
    setup_logging(incremental=False)

    assert with_own == ([own], logging.WARNING)
    assert ([type(h) for h in logging.root.handlers], logging.root.level) == (
        [PrefectConsoleHandler],
        logging.DEBUG,
    )


def test_files_the_user_logs_to_stay_open(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PENSTOCK_LOGGING_LOGGERS_PENSTOCK_FLOW_RUNS_LEVEL", "ERROR")
    own = logging.FileHandler(tmp_path / "own.log", mode="w")
    logging.getLogger("other").addHandler(own)
    setup_logging(incremental=False)
    logging.getLogger("other").warning("still here")
    own.close()

    assert (tmp_path / "own.log").read_text() == "still here\n"


def test_later_setups_change_levels_only() -> None:
    setup_logging()
    handlers = logging.getLogger("penstock").handlers[:]
    with temporary_settings({"logging.level": "DEBUG"}):
        config = setup_logging()

    assert config["loggers"]["penstock"]["level"] == "DEBUG"
    assert logging.getLogger("penstock").level == logging.DEBUG
    assert logging.getLogger("penstock").handlers == handlers


def test_extra_loggers_have_our_handlers_and_do_not_propagate() -> None:
    with temporary_settings({"logging.extra_loggers": "lib,other", "logging.level": "WARNING"}):
        set_up_runs()
    library = logging.getLogger("lib")

    assert {type(handler) for handler in library.handlers} == {APILogHandler, PrefectConsoleHandler}
    assert (library.propagate, library.level) == (False, logging.WARNING)


def test_records_of_extra_loggers_belong_to_the_run_they_come_from(rows, witness) -> None:
    from penstock import task

    @task
    def step() -> None:
        logging.getLogger("lib.deep").warning("in a task")

    @flow
    def outer() -> None:
        logging.getLogger("lib").info("in a flow")
        step()

    with temporary_settings({"logging.extra_loggers": ["lib"]}):
        outer()
    flow_run, task_run = str(witness.flow_runs["outer"].id), str(witness.task_runs["step"].id)

    found = rows(
        f"select name, message, task_run_id from logs where flow_run_id = '{flow_run}' and name like 'lib%'"
    )
    assert sorted(found, key=str) == [
        {"name": "lib", "message": "in a flow", "task_run_id": None},
        {"name": "lib.deep", "message": "in a task", "task_run_id": task_run},
    ]


def test_debug_mode_logs_everything() -> None:
    with temporary_settings({"debug_mode": True}):
        set_up_runs()

    assert logging.getLogger("penstock.flow_runs").isEnabledFor(logging.DEBUG)


def test_a_silent_console_stays_silent() -> None:
    with temporary_settings({"logging.extra_loggers": ["lib"]}):
        silence_console()

    handlers = [handler for name in OURS for handler in logging.getLogger(name).handlers]
    assert not [handler for handler in handlers if isinstance(handler, PrefectConsoleHandler)]
    assert [type(handler) for handler in logging.getLogger("lib").handlers] == [APILogHandler]


def test_handlers_may_pass_records_on_to_others(file) -> None:
    file.write_text(
        "version: 1\nhandlers:\n"
        "  a: {class: logging.handlers.MemoryHandler, capacity: 1, target: b}\n"
        "  b: {class: logging.StreamHandler}\n"
        "loggers: {other: {handlers: [a]}}\n"
    )
    setup_logging(incremental=False)

    handler = logging.getLogger("other").handlers[0]
    assert isinstance(handler, MemoryHandler)
    assert handler.target.name == "b"


def test_settings_of_logging_are_not_overrides(monkeypatch) -> None:
    monkeypatch.setenv("PENSTOCK_LOGGING_TO_API_ENABLED", "false")

    assert get_current_settings().logging.to_api.enabled is False
    assert overrides() == {}


def test_runs_log_through_what_was_set_up(witness, capsys) -> None:
    setup_logging()
    flow(lambda: get_run_logger().info("hello"), name="greeter")()

    assert "hello" in capsys.readouterr().err
    assert (logging.INFO, "hello") in witness.logs
