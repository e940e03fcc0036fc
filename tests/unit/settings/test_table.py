"""The table of settings: nothing twice, the page is current, every setting can be set everywhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from penstock.exceptions import ConfigurationError
from penstock.settings import Settings, get_current_settings, temporary_settings
from penstock.settings._kinds import (
    BOOL,
    CODES,
    DELAYS,
    DURATION,
    LEVEL,
    LIST,
    MAPPING,
    PATH,
    SECRET,
    TEXT,
    Secret,
    as_text,
)  # fmt: skip
from penstock.settings._layers import forget
from penstock.settings._registry import BY_FLAT, BY_VARIABLE, GROUPS
from penstock.settings._server_table import SERVER_ROWS
from penstock.settings._table import ROWS, Row
from penstock.settings.base import PrefectSettingsConfigDict, build_settings_config

ROOT = Path(__file__).resolve().parents[3]
CODE = [
    path for folder in ("src", "runners", "widgets", "kernel_ext") for path in (ROOT / folder).rglob("*.py")
]


def sample(row: Row) -> Any:
    """A value that is not the default."""
    samples: dict[Any, Any] = {
        TEXT: "some text", SECRET: Secret("some secret"), PATH: Path("/some/path"), LEVEL: "CRITICAL",
        LIST: ["a", "b"], CODES: [404, 429], DELAYS: [1.0, 2.5], DURATION: timedelta(minutes=7),
        MAPPING: {"name": "value"},
    }  # fmt: skip
    if row.kind is BOOL:
        return not row.default
    if row.kind.name.startswith("one of warn"):
        return "ignore"
    if row.kind in samples:
        return samples[row.kind]
    return 77 if row.kind.name == "integer" else 77.5


def test_no_two_settings_share_a_name() -> None:
    rows = [*ROWS, *SERVER_ROWS]
    variables = [name for row in rows for name in row.variables]

    assert len(BY_FLAT) == len(rows)
    assert len(BY_VARIABLE) == len(variables)
    assert not GROUPS & set(BY_FLAT)


def test_every_default_is_of_its_kind() -> None:
    for row in BY_FLAT.values():
        if row.default is not None and row.derived is None:
            assert row.kind.read(row.default) == row.default, row.path


@pytest.mark.parametrize(
    "source", ["env", "env, older name", ".env file", "penstock.toml", "profile", "override"]
)
def test_every_setting_can_be_set_everywhere(source, folder, monkeypatch) -> None:
    rows = [row for row in BY_FLAT.values() if row.path not in {"home", "profiles_path"}]
    values = {row.flat: sample(row) for row in rows}
    which = -1 if source == "env, older name" else 0
    lines = {row.variables[which]: as_text(values[row.flat]) for row in rows}
    settings = get_current_settings()
    if source.startswith("env"):
        for name, text in lines.items():
            monkeypatch.setenv(name, text)
    elif source == ".env file":
        (folder / ".env").write_text("".join(f"{name}='{text}'\n" for name, text in lines.items()))
    elif source == "penstock.toml":
        tables = [f"{row.path} = {toml(values[row.flat])}" for row in rows]
        (folder / "penstock.toml").write_text("\n".join(tables))
    elif source == "profile":
        table = "\n".join(f"{name} = {json.dumps(text)}" for name, text in lines.items())
        (folder / "home" / "profiles.toml").write_text(f"[profiles.ephemeral]\n{table}\n")
    else:
        settings = Settings(**values)
    forget()

    assert {row.flat: getattr(settings, row.flat) for row in rows} == values
    assert {settings.source_of(row.flat) for row in rows} == {source.partition(",")[0]}


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value if isinstance(value, (bool, int, float, str, list)) else as_text(value))


def test_flat_names_and_paths_are_the_same_setting() -> None:
    for row in BY_FLAT.values():
        with temporary_settings({row.path: sample(row)}) as settings:
            found: Any = settings
            for name in row.path.split("."):
                found = getattr(found, name)
            assert found == getattr(settings, row.flat) == sample(row), row.path


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("client.max_retries", -1, "must not be less than 0"),
        ("client.max_retries", 1.5, "expected a whole number"),
        ("client.max_retries", True, "expected a whole number"),
        ("server.concurrency.initial_deployment_lease_duration", 10_000, "must not be greater than 3600"),
        ("api.request_timeout", "soon", "expected a number"),
        ("logging.to_api.when_missing_flow", "shout", "must be one of warn, error, ignore"),
        ("client.custom_headers", "[1]", "expected a table"),
        ("server.events.retention_period", "P", "expected seconds, or a duration"),
        ("tasks.default_retry_delay_seconds", "", "expected a number of seconds"),
        ("tasks.default_retry_delay_seconds", "1,-2", "cannot be negative"),
    ],
)
def test_values_are_checked(path, value, message) -> None:
    with pytest.raises(ConfigurationError, match=message), temporary_settings({path: value}):
        pass


def test_the_page_of_settings_is_current() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "settings.py"), "--check"],
        env={"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""


def test_settings_the_page_calls_unread_are_read_nowhere_and_the_others_are() -> None:
    """Who makes use of a setting takes its `idle=True` away and runs `python scripts/settings.py`."""
    text = "\n".join(
        path.read_text() for path in CODE if path.name not in {"_table.py", "_server_table.py", "fixtures.py"}
    )
    words = set(re.findall(r"[A-Za-z_][\w.]*", text))
    used = {word.rpartition("settings.")[2] for word in words} | {word.rpartition(".")[2] for word in words}
    wrong = [row.path for row in BY_FLAT.values() if row.idle == (row.flat in used or row.path in used)]

    assert wrong == []


def test_where_a_group_is_looked_for_is_told() -> None:
    config: PrefectSettingsConfigDict = build_settings_config(("tasks", "runner"), frozen=True)

    assert config == {
        "env_prefix": "PENSTOCK_TASKS_RUNNER_",
        "env_file": ".env",
        "toml_file": "penstock.toml",
        "penstock_toml_table_header": ("tasks", "runner"),
        "pyproject_toml_table_header": ("tool", "penstock", "tasks", "runner"),
        "frozen": True,
        "extra": "ignore",
    }


def test_asking_for_a_setting_costs_next_to_nothing() -> None:
    """It is asked several times a task run. Ten times what it takes on an idle machine, for busy ones."""
    import timeit

    settings = get_current_settings()
    seconds = min(timeit.repeat(lambda: settings.tasks_default_retries, number=2000, repeat=5)) / 2000

    assert seconds < 10e-6
