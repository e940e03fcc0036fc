"""What can be set on the authoring side: paths, kinds, defaults, environment variables.

The one place where a setting is declared; everything else (attributes, files, profiles, command line, page) is
made from these rows. Reference page: api-ref/settings-ref.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from penstock.settings._kinds import (
    BOOL,
    CODES,
    COUNT,
    DELAYS,
    FLOAT,
    INT,
    LEVEL,
    LIST,
    MAPPING,
    PATH,
    SECONDS,
    SECRET,
    TEXT,
    Kind,
    choice,
    integer,
    number,
)

PREFIX = "PENSTOCK_"


@lru_cache(maxsize=32)
def default_home(_home: str | None) -> Path:
    """Return the workspace of somebody who chose none; asked for at every event, so remembered."""
    return Path("~/.penstock").expanduser().absolute()


class Row(NamedTuple):
    """One setting."""

    #: Dotted, as in TOML.
    path: str
    kind: Kind
    default: Any
    about: str
    #: Environment variables without the prefix that mean the same; the one made of the path comes before them.
    aliases: tuple[str, ...] = ()
    #: Makes the default of the settings in force, where it depends on them; `default` is what the page shows then.
    derived: Callable[[Any], Any] | None = None
    #: True for what is accepted so that configuration can be carried over, and read by nothing here.
    idle: bool = False

    @property
    def flat(self) -> str:
        """The path with underscores: the attribute."""
        return self.path.replace(".", "_")

    @property
    def variables(self) -> tuple[str, ...]:
        """Environment variables, the canonical one first."""
        own = (self.flat.upper(), *self.aliases)
        return tuple(PREFIX + name for name in own)


def row(
    path: str,
    kind: Kind,
    default: Any,
    about: str,
    *aliases: str,
    derived: Callable[[Any], Any] | None = None,
    idle: bool = False,
) -> Row:
    """Return a row; see `Row`."""
    return Row(path, kind, default, about, aliases, derived, idle)


ROWS: tuple[Row, ...] = (
    row(
        "home",
        PATH,
        "~/.penstock",
        "The workspace: journals, results, the store and profiles live here.",
        derived=lambda settings: default_home(os.environ.get("HOME")),
    ),
    row(
        "profiles_path",
        PATH,
        "$PENSTOCK_HOME/profiles.toml",
        "The file of profiles.",
        derived=lambda settings: settings.home / "profiles.toml",
    ),
    row("debug_mode", BOOL, False, "Log everything, whatever `logging.level` says."),
    row("ui_url", TEXT, None, "Where people look at runs; links to runs start with it."),
    row(
        "silence_api_url_misconfiguration",
        BOOL,
        False,
        "Do not warn about an API address that looks wrong.",
        idle=True,
    ),
    row("api.url", TEXT, None, "The address of the REST interface; links to runs start with it."),
    row("api.key", SECRET, None, "A key for the REST interface; masked in logs."),
    row("api.auth_string", SECRET, None, "`user:password` for the REST interface."),
    row("api.request_timeout", SECONDS, 60.0, "Seconds to wait for an answer."),
    row("api.enable_http2", BOOL, False, "Speak HTTP/2.", idle=True),
    row("api.tls_insecure_skip_verify", BOOL, False, "Do not check certificates.", idle=True),
    row("api.ssl_cert_file", TEXT, None, "A file of certificates.", idle=True),
    row("cli.colors", BOOL, True, "Colours in the output of commands.", idle=True),
    row("cli.prompt", BOOL, None, "Ask before deleting; decided by the terminal when not set."),
    row("cli.wrap_lines", BOOL, True, "Break long lines in the output of commands.", idle=True),
    row("client.max_retries", COUNT, 5, "How often a failed request is tried again."),
    row("client.retry_jitter_factor", SECONDS, 0.2, "How far waits between tries are spread."),
    row(
        "client.retry_extra_codes",
        CODES,
        [],
        "Further HTTP statuses to try again on.",
        derived=lambda settings: [],
    ),
    row("client.csrf_support_enabled", BOOL, True, "Send CSRF tokens."),
    row(
        "client.custom_headers",
        MAPPING,
        {},
        "Headers sent with each request.",
        derived=lambda settings: {},
    ),
    row("client.metrics.enabled", BOOL, False, "Serve metrics.", "CLIENT_ENABLE_METRICS", idle=True),
    row("client.metrics.port", INT, 4201, "Port of the metrics.", idle=True),
    row(
        "deployments.default_work_pool_name",
        TEXT,
        None,
        "The work pool of deployments that name none.",
        "DEFAULT_WORK_POOL_NAME",
    ),
    row(
        "deployments.default_docker_build_namespace",
        TEXT,
        None,
        "The registry images are named after.",
        "DEFAULT_DOCKER_BUILD_NAMESPACE",
        idle=True,
    ),
    row(
        "experiments.warn",
        BOOL,
        True,
        "Warn when something experimental is used.",
        "EXPERIMENTAL_WARN",
        idle=True,
    ),
    row("experiments.plugins.enabled", BOOL, False, "Run the start-up hooks of plugins.", idle=True),
    row("experiments.plugins.allow", LIST, None, "Only these plugins.", idle=True),
    row("experiments.plugins.deny", LIST, None, "All but these plugins.", idle=True),
    row("experiments.plugins.setup_timeout_seconds", SECONDS, 20.0, "Seconds a plugin may take.", idle=True),
    row("experiments.plugins.strict", BOOL, False, "Stop when a required plugin fails.", idle=True),
    row("experiments.plugins.safe_mode", BOOL, False, "Load plugins without calling them.", idle=True),
    row("flows.default_retries", COUNT, 0, "Retries of flows that say nothing.", "FLOW_DEFAULT_RETRIES"),
    row(
        "flows.default_retry_delay_seconds",
        DELAYS,
        0.0,
        "Seconds between tries of flows that say nothing.",
        "FLOW_DEFAULT_RETRY_DELAY_SECONDS",
    ),
    row(
        "internal.logging_level",
        LEVEL,
        "ERROR",
        "Level of our own machinery's loggers.",
        "LOGGING_INTERNAL_LEVEL",
    ),
    row("logging.level", LEVEL, "INFO", "Level of the loggers below `penstock`."),
    row(
        "logging.config_path",
        PATH,
        "$PENSTOCK_HOME/logging.yml",
        "A logging configuration to use instead of the built-in one.",
        "LOGGING_SETTINGS_PATH",
        derived=lambda settings: settings.home / "logging.yml",
    ),
    row("logging.extra_loggers", LIST, None, "Loggers of libraries whose records belong to runs, too."),
    row("logging.log_prints", BOOL, False, "Runs that say nothing log what they print."),
    row("logging.colors", BOOL, True, "Colours in logs on a terminal."),
    row("logging.markup", BOOL, False, "Square brackets in log messages are markup."),
    row("logging.to_api.enabled", BOOL, True, "Keep the logs of runs in the store."),
    row(
        "logging.to_api.batch_interval",
        SECONDS,
        2.0,
        "Seconds `APILogWorker.min_interval` tells; logs travel with the journal, within a fifth of a second.",
    ),
    row(
        "logging.to_api.batch_size",
        COUNT,
        4_000_000,
        "Characters `APILogWorker.max_batch_size` tells; batches of the journal have a megabyte.",
    ),
    row("logging.to_api.max_log_size", COUNT, 1_000_000, "Longer messages are cut to so many characters."),
    row(
        "logging.to_api.when_missing_flow",
        choice("warn", "error", "ignore"),
        "warn",
        "What to do with a record for the store that belongs to no run.",
    ),
    row("results.default_serializer", TEXT, "pickle", "How results are written."),
    row("results.persist_by_default", BOOL, False, "Runs that say nothing store their results."),
    row(
        "results.default_storage_block",
        TEXT,
        None,
        "Where results are stored instead of the local folder: a folder or a URL.",
        "DEFAULT_RESULT_STORAGE_BLOCK",
    ),
    row(
        "results.local_storage_path",
        PATH,
        "$PENSTOCK_HOME/storage",
        "The folder results are stored in.",
        "LOCAL_STORAGE_PATH",
        derived=lambda settings: settings.home / "storage",
    ),
    row("runner.process_limit", COUNT, 5, "How many flow runs a runner starts at once."),
    row("runner.poll_frequency", COUNT, 10, "Seconds between looks for new runs."),
    row("runner.heartbeat_frequency", integer(minimum=30), None, "Seconds between signs of life."),
    row("runner.server.enable", BOOL, False, "Serve the runner's own interface.", idle=True),
    row("runner.server.host", TEXT, "localhost", "Where the runner's interface listens.", idle=True),
    row("runner.server.port", INT, 8080, "Port of the runner's interface.", idle=True),
    row("runner.server.log_level", LEVEL, "ERROR", "Level of the runner's interface.", idle=True),
    row(
        "runner.server.missed_polls_tolerance", COUNT, 2, "Missed looks before a runner is unwell.", idle=True
    ),
    row("tasks.refresh_cache", BOOL, False, "Compute again, whatever is cached."),
    row("tasks.default_no_cache", BOOL, False, "Tasks that say nothing are not cached."),
    row("tasks.disable_caching", BOOL, False, "No task is cached."),
    row("tasks.default_retries", COUNT, 0, "Retries of tasks that say nothing.", "TASK_DEFAULT_RETRIES"),
    row(
        "tasks.default_retry_delay_seconds",
        DELAYS,
        0.0,
        "Seconds between tries of tasks that say nothing.",
        "TASK_DEFAULT_RETRY_DELAY_SECONDS",
    ),
    row("tasks.default_persist_result", BOOL, None, "Tasks that say nothing store their results, or do not."),
    row(
        "tasks.runner.thread_pool_max_workers",
        integer(minimum=1),
        None,
        "Threads of a flow's thread pool.",
        "TASK_RUNNER_THREAD_POOL_MAX_WORKERS",
    ),
    row(
        "tasks.runner.process_pool_max_workers",
        integer(minimum=1),
        None,
        "Processes of a process pool.",
    ),
    row(
        "tasks.scheduling.default_storage_block",
        TEXT,
        None,
        "Where parameters of delayed tasks are stored: a folder or a URL.",
        "TASK_SCHEDULING_DEFAULT_STORAGE_BLOCK",
    ),
    row(
        "tasks.scheduling.delete_failed_submissions",
        BOOL,
        True,
        "Forget delayed tasks that could not be sent.",
        "TASK_SCHEDULING_DELETE_FAILED_SUBMISSIONS",
        idle=True,
    ),
    row("testing.test_mode", BOOL, False, "True inside `prefect_test_harness`.", "TEST_MODE", idle=True),
    row("testing.unit_test_mode", BOOL, False, "Set while unit tests run.", "UNIT_TEST_MODE", idle=True),
    row(
        "testing.unit_test_loop_debug",
        BOOL,
        True,
        "Event loops of unit tests run in debug mode.",
        "UNIT_TEST_LOOP_DEBUG",
        idle=True,
    ),
    row("testing.test_setting", TEXT, "FOO", "A setting to try things on.", "TEST_SETTING", idle=True),
    row("worker.heartbeat_seconds", SECONDS, 30.0, "Seconds between a worker's signs of life."),
    row("worker.query_seconds", SECONDS, 10.0, "Seconds between a worker's looks for runs."),
    row("worker.prefetch_seconds", SECONDS, 10.0, "Seconds ahead of time a worker takes runs."),
    row("worker.webserver.host", TEXT, "0.0.0.0", "Where a worker's interface listens.", idle=True),  # noqa: S104
    row("worker.webserver.port", INT, 8080, "Port of a worker's interface.", idle=True),
    row("answers", PATH, None, "A file of answers for pauses where nobody is there to ask."),
    row("store_idle_seconds", FLOAT, 600.0, "Seconds without a client after which the store process ends."),
    row(
        "store_memory_mb",
        number(minimum=64),
        128.0,
        "MB for the database of the store process: what it keeps of the file, and what queries put together.",
    ),
    row("store_start_timeout", number(minimum=0), 20.0, "Seconds to wait for the store process to start."),
)
