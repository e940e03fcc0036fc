"""What can be set, where it is read from, and what it is when nothing is set."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from penstock.exceptions import ConfigurationError

T = TypeVar("T")
_TRUE = {"1", "true", "yes", "on", "t", "y"}
_FALSE = {"0", "false", "no", "off", "f", "n", ""}


def _bool(text: str) -> bool:
    low = text.strip().lower()
    if low in _TRUE:
        return True
    if low in _FALSE:
        return False
    raise ValueError("expected true or false")


def _delays(text: str) -> float | list[float]:
    numbers = [float(part) for part in text.split(",")]
    return numbers[0] if len(numbers) == 1 else numbers


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _codes(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part.strip())


def _mapping(text: str) -> dict[str, str]:
    import json

    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("expected a JSON object")  # noqa: TRY004  # settings report ValueErrors
    return {str(name): str(one) for name, one in value.items()}


_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class _Setting(NamedTuple):
    parse: Callable[[str], Any]
    default: Any
    variables: tuple[str, ...]


#: Settings by path: how the text is read, the default, and the environment variables (the first wins).
_SETTINGS: dict[str, _Setting] = {
    "home": _Setting(_path, None, ("PENSTOCK_HOME",)),
    "api_url": _Setting(str, None, ("PENSTOCK_API_URL",)),
    "flows_default_retries": _Setting(
        int, 0, ("PENSTOCK_FLOWS_DEFAULT_RETRIES", "PENSTOCK_FLOW_DEFAULT_RETRIES")
    ),
    "flows_default_retry_delay_seconds": _Setting(
        _delays, 0.0, ("PENSTOCK_FLOWS_DEFAULT_RETRY_DELAY_SECONDS",)
    ),
    "tasks_default_retries": _Setting(
        int, 0, ("PENSTOCK_TASKS_DEFAULT_RETRIES", "PENSTOCK_TASK_DEFAULT_RETRIES")
    ),
    "tasks_default_retry_delay_seconds": _Setting(
        _delays, 0.0, ("PENSTOCK_TASKS_DEFAULT_RETRY_DELAY_SECONDS",)
    ),
    "tasks_default_persist_result": _Setting(_bool, None, ("PENSTOCK_TASKS_DEFAULT_PERSIST_RESULT",)),
    "tasks_refresh_cache": _Setting(_bool, False, ("PENSTOCK_TASKS_REFRESH_CACHE",)),
    "tasks_disable_caching": _Setting(_bool, False, ("PENSTOCK_TASKS_DISABLE_CACHING",)),
    "tasks_default_no_cache": _Setting(_bool, False, ("PENSTOCK_TASKS_DEFAULT_NO_CACHE",)),
    "tasks_runner_thread_pool_max_workers": _Setting(
        int,
        None,
        ("PENSTOCK_TASKS_RUNNER_THREAD_POOL_MAX_WORKERS", "PENSTOCK_TASK_RUNNER_THREAD_POOL_MAX_WORKERS"),
    ),
    "tasks_runner_process_pool_max_workers": _Setting(
        int,
        None,
        ("PENSTOCK_TASKS_RUNNER_PROCESS_POOL_MAX_WORKERS", "PENSTOCK_TASK_RUNNER_PROCESS_POOL_MAX_WORKERS"),
    ),
    "results_persist_by_default": _Setting(_bool, False, ("PENSTOCK_RESULTS_PERSIST_BY_DEFAULT",)),
    "results_default_serializer": _Setting(str, "pickle", ("PENSTOCK_RESULTS_DEFAULT_SERIALIZER",)),
    "results_local_storage_path": _Setting(
        _path, None, ("PENSTOCK_RESULTS_LOCAL_STORAGE_PATH", "PENSTOCK_LOCAL_STORAGE_PATH")
    ),
    "logging_level": _Setting(str, "INFO", ("PENSTOCK_LOGGING_LEVEL",)),
    "logging_log_prints": _Setting(_bool, False, ("PENSTOCK_LOGGING_LOG_PRINTS",)),
    "logging_to_api_enabled": _Setting(_bool, True, ("PENSTOCK_LOGGING_TO_API_ENABLED",)),
    "logging_to_api_max_log_size": _Setting(int, 1_000_000, ("PENSTOCK_LOGGING_TO_API_MAX_LOG_SIZE",)),
    "answers": _Setting(_path, None, ("PENSTOCK_ANSWERS",)),
    "api_key": _Setting(str, None, ("PENSTOCK_API_KEY",)),
    "api_auth_string": _Setting(str, None, ("PENSTOCK_API_AUTH_STRING",)),
    "api_request_timeout": _Setting(float, 60.0, ("PENSTOCK_API_REQUEST_TIMEOUT",)),
    "client_max_retries": _Setting(int, 5, ("PENSTOCK_CLIENT_MAX_RETRIES",)),
    "client_retry_jitter_factor": _Setting(float, 0.2, ("PENSTOCK_CLIENT_RETRY_JITTER_FACTOR",)),
    "client_retry_extra_codes": _Setting(_codes, (), ("PENSTOCK_CLIENT_RETRY_EXTRA_CODES",)),
    "client_csrf_support_enabled": _Setting(_bool, True, ("PENSTOCK_CLIENT_CSRF_SUPPORT_ENABLED",)),
    "client_custom_headers": _Setting(_mapping, _NO_HEADERS, ("PENSTOCK_CLIENT_CUSTOM_HEADERS",)),
    "server_api_auth_string": _Setting(str, None, ("PENSTOCK_SERVER_API_AUTH_STRING",)),
    "server_api_csrf_protection_enabled": _Setting(
        _bool,
        False,
        ("PENSTOCK_SERVER_API_CSRF_PROTECTION_ENABLED", "PENSTOCK_SERVER_CSRF_PROTECTION_ENABLED"),
    ),
    "server_api_csrf_token_expiration": _Setting(
        float,
        3600.0,
        ("PENSTOCK_SERVER_API_CSRF_TOKEN_EXPIRATION", "PENSTOCK_SERVER_CSRF_TOKEN_EXPIRATION"),
    ),
    "server_events_stream_out_enabled": _Setting(_bool, True, ("PENSTOCK_SERVER_EVENTS_STREAM_OUT_ENABLED",)),
    "server_logs_stream_out_enabled": _Setting(_bool, False, ("PENSTOCK_SERVER_LOGS_STREAM_OUT_ENABLED",)),
    "store_idle_seconds": _Setting(float, 600.0, ("PENSTOCK_STORE_IDLE_SECONDS",)),
    "store_start_timeout": _Setting(float, 20.0, ("PENSTOCK_STORE_START_TIMEOUT",)),
}

_SECRETS = ("api_key", "api_auth_string", "server_api_auth_string")
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_overrides: ContextVar[Mapping[str, Any]] = ContextVar("penstock_setting_overrides", default=_NOTHING)


class Settings:
    """The settings in force here and now; attributes are read from the environment on each access.

    Example:
        >>> get_current_settings().tasks_default_retries
        0
    """

    def __getattr__(self, name: str) -> Any:
        overrides = _overrides.get()
        if name in overrides:
            return overrides[name]
        setting = _SETTINGS.get(name)
        if setting is None:
            raise AttributeError(f"There is no setting {name!r}. Known: {', '.join(sorted(_SETTINGS))}")
        for variable in setting.variables:
            text = os.environ.get(variable)
            if text is None:
                continue
            try:
                return setting.parse(text)
            except ValueError as error:
                raise ConfigurationError(f"{variable}={text!r} is not usable: {error}") from error
        return setting.default

    def model_dump(self) -> dict[str, Any]:
        """Return the values by name; secrets are masked."""
        values = {name: getattr(self, name) for name in _SETTINGS}
        hidden = {name: "********" for name in _SECRETS if values[name]}
        return {**values, **hidden}

    @property
    def home(self) -> Path:
        """The workspace: journals, results and the store live here (`PENSTOCK_HOME`, else ~/.penstock)."""
        overrides = _overrides.get()
        if "home" in overrides:
            return Path(overrides["home"])
        told = os.environ.get("PENSTOCK_HOME") or "~/.penstock"
        return _expanded(told, os.environ.get("HOME"))

    @property
    def results_local_storage_path(self) -> Path:
        """Where results are kept: `PENSTOCK_LOCAL_STORAGE_PATH`, else `storage` in the workspace."""
        given: Path | None = self.__getattr__("results_local_storage_path")
        return given if given is not None else self.home / "storage"


@lru_cache(maxsize=32)
def _expanded(told: str, _home: str | None) -> Path:
    """Return a path with ~ replaced; asked for at every event, so remembered (for this value of HOME)."""
    return _path(told)


_settings = Settings()


def get_current_settings() -> Settings:
    """Return the settings of this context."""
    return _settings


@contextmanager
def temporary_settings(updates: Mapping[str, Any]) -> Iterator[Settings]:
    """Override settings inside a `with` block, for this context only.

    Args:
        updates: values by setting path with underscores, such as ``{"tasks_default_retries": 2}``.

    Raises:
        ConfigurationError: a name is not a setting.
    """
    unknown = sorted(set(updates) - set(_SETTINGS))
    if unknown:
        raise ConfigurationError(f"Not a setting: {', '.join(unknown)}")
    token = _overrides.set({**_overrides.get(), **updates})
    try:
        yield _settings
    finally:
        _overrides.reset(token)
