"""Who hears which logger: the built-in configuration, a file instead of it, and what variables change in either.

Reference page: advanced/logging-customization. Without a file, changes or extra loggers nothing is parsed: two
handlers are attached. The user's own loggers and the root logger are left as they are.
"""

from __future__ import annotations

import logging
import os
import threading
import warnings
from pathlib import Path
from typing import Any

from penstock._engine.log_formats import (
    DATE_FORMAT,
    FLOW_RUN_FORMAT,
    FORMAT,
    TASK_RUN_FORMAT,
    console_formatter,
)
from penstock._engine.log_handlers import APILogHandler, PenstockConsoleHandler
from penstock.exceptions import ConfigurationError
from penstock.settings import get_current_settings
from penstock.settings._layers import current_files, environment
from penstock.settings._registry import LOGGING_PREFIX, is_logging_override

#: The built-in configuration, as a file would say it. `${PENSTOCK_...}` stands for the value of a setting.
DEFAULT_CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"obfuscate_api_key": {"()": "penstock.logging.filters.ObfuscateApiKeyFilter"}},
    "formatters": {
        "standard": {
            "()": "penstock.logging.formatters.PenstockFormatter",
            "format": FORMAT,
            "flow_run_fmt": FLOW_RUN_FORMAT,
            "task_run_fmt": TASK_RUN_FORMAT,
            "datefmt": DATE_FORMAT,
        },
        "json": {"()": "penstock.logging.formatters.JsonFormatter", "fmt": "default"},
    },
    "handlers": {
        "console": {
            "class": "penstock.logging.handlers.PenstockConsoleHandler",
            "level": "NOTSET",
            "formatter": "standard",
            "filters": ["obfuscate_api_key"],
        },
        "api": {
            "class": "penstock.logging.handlers.APILogHandler",
            "level": "NOTSET",
            "filters": ["obfuscate_api_key"],
        },
    },
    "loggers": {
        "penstock": {"level": "${PENSTOCK_LOGGING_LEVEL}", "handlers": ["console"], "propagate": False},
        "penstock.flow_runs": {"level": "NOTSET", "handlers": ["api"]},
        "penstock.task_runs": {"level": "NOTSET", "handlers": ["api"]},
        "penstock.extra": {
            "level": "${PENSTOCK_LOGGING_LEVEL}",
            "handlers": ["console", "api"],
            "propagate": False,
        },
        "penstock._internal": {"level": "${PENSTOCK_INTERNAL_LOGGING_LEVEL}"},
    },
    # As it stands it is not applied: Python itself writes warnings of loggers without handlers to stderr.
    "root": {"level": "WARNING", "handlers": ["console"]},
}
#: What the loggers of `logging.extra_loggers` are configured like.
_EXTRA = "penstock.extra"

_lock = threading.Lock()
_ready = False
_config: dict[str, Any] | None = None


def setup_logging(*, console: bool = True) -> None:
    """Set up the loggers of runs, once a process.

    Args:
        console: False where somebody else shows the logs, such as the panel of a notebook, or a worker whose
            stderr is not the user's.
    """
    if _ready:
        return
    with _lock:
        if not _ready:
            _set_up(console)


def configure(incremental: bool | None = None) -> dict[str, Any]:
    """Set up logging from the settings in force; see `penstock.logging.configuration.setup_logging`."""
    with _lock:
        again = _ready if incremental is None else incremental
        config = load_config(get_current_settings().logging_config_path)
        if again:
            _change_levels(config)
        else:
            _apply(config)
        _done(config)
        return config


def silence_console() -> None:
    """Take console handlers off (the notebook's panel shows the logs)."""
    setup_logging(console=False)
    _without_console()


def undo_logging() -> None:
    """Take the handlers off again that were put on without a configuration of the user's; the next run sets up anew."""
    global _ready
    with _lock:
        for name in ("penstock", "penstock.flow_runs", "penstock.task_runs"):
            logger = logging.getLogger(name)
            for handler in [
                h for h in logger.handlers if isinstance(h, PenstockConsoleHandler | APILogHandler)
            ]:
                logger.removeHandler(handler)
        _ready = False


def _done(config: dict[str, Any] | None) -> None:
    global _ready, _config
    _ready, _config = True, config


def _set_up(console: bool) -> None:
    settings = get_current_settings()
    path = settings.logging_config_path
    if overrides() or settings.logging_extra_loggers or settings.api_key is not None or path.exists():
        _apply(load_config(path))
    else:
        _attach(console)
    if not console:
        _without_console()
    _done(None)


def _attach(console: bool) -> None:
    """Do what the built-in configuration says, without the machinery for configurations."""
    root = logging.getLogger("penstock")
    if console and not any(isinstance(handler, PenstockConsoleHandler) for handler in root.handlers):
        handler = PenstockConsoleHandler()
        handler.setFormatter(console_formatter())
        root.addHandler(handler)
    api = APILogHandler()
    for name in ("penstock.flow_runs", "penstock.task_runs"):
        logger = logging.getLogger(name)
        if not any(isinstance(handler, APILogHandler) for handler in logger.handlers):
            logger.addHandler(api)
    if root.level == logging.NOTSET:
        root.setLevel(_level())
    root.propagate = False
    logging.getLogger("penstock._internal").setLevel(get_current_settings().internal_logging_level)


def _level() -> str:
    settings = get_current_settings()
    return "DEBUG" if settings.debug_mode else str(settings.logging_level)


def _without_console() -> None:
    names = ["penstock", *(name for name in logging.root.manager.loggerDict if name.startswith("penstock."))]
    for name in (*names, *(get_current_settings().logging_extra_loggers or ())):
        logger = logging.getLogger(name)
        for handler in [h for h in logger.handlers if isinstance(h, PenstockConsoleHandler)]:
            logger.removeHandler(handler)


def overrides() -> dict[str, str]:
    """Return the variables that replace values of the configuration, with theirs: the environment, then the files."""
    found = dict(current_files().overrides)
    prefix = LOGGING_PREFIX.encode()
    for key, value in environment().items():
        if key.startswith(prefix) and is_logging_override(name := os.fsdecode(key)):
            found[name] = os.fsdecode(value)
    return found


def load_config(path: Path) -> dict[str, Any]:
    """Read a configuration; see `penstock.logging.configuration.load_logging_config`."""
    settings = get_current_settings()
    variables = settings.to_environment_variables(include_secrets=False, include_aliases=True)
    variables["PENSTOCK_LOGGING_LEVEL"] = _level()
    config: dict[str, Any] = _filled(_read(path), variables)
    config.setdefault("disable_existing_loggers", False)
    unused = _override(config, overrides(), ())
    if unused:
        warnings.warn(
            f"No value of the logging configuration is called {', '.join(sorted(unused))}.", stacklevel=2
        )
    loggers = config.setdefault("loggers", {})
    extra = loggers.get(_EXTRA)
    for name in settings.logging_extra_loggers or ():
        if extra is not None and name not in loggers:
            loggers[name] = dict(extra)
    return config


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return DEFAULT_CONFIG
    import yaml  # type: ignore[import-untyped]  # few have such a file

    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The logging configuration {path} cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise ConfigurationError(f"The logging configuration {path} is not a table of names and values.")
    return config


def _filled(value: Any, variables: dict[str, str]) -> Any:
    """Return a copy with settings in place of `${PENSTOCK_...}`."""
    if isinstance(value, dict):
        return {key: _filled(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, variables) for item in value]
    if isinstance(value, str) and "$" in value:
        from string import Template

        return Template(value).safe_substitute(variables)
    return value


def _override(table: dict[str, Any], given: dict[str, str], prefix: tuple[str, ...]) -> set[str]:
    """Replace values by variables named after their place; return the variables that named none."""
    unused = set(given)
    for key, value in table.items():
        place = (*prefix, str(key))
        if isinstance(value, dict):
            unused &= _override(value, given, place)
            continue
        name = (
            LOGGING_PREFIX
            + "_".join("".join(c if c.isalnum() else "_" for c in part) for part in place).upper()
        )
        if name in given:
            table[key] = _like(value, given[name])
            unused.discard(name)
    return unused


def _like(value: Any, text: str) -> Any:
    """Make of text what the configuration had in its place."""
    if isinstance(value, bool):
        return text.strip().lower() in {"true", "1", "yes", "on"}
    if isinstance(value, int) and text.strip().lstrip("-").isdigit():
        return int(text)
    if isinstance(value, list):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _apply(config: dict[str, Any]) -> None:
    """Configure what a configuration names.

    `dictConfig` would close every handler of the process first, the user's files among them.
    """
    from logging.config import DictConfigurator

    made: Any = DictConfigurator(config)
    parts = made.config
    try:
        for kind in ("formatters", "filters"):
            table = parts.get(kind, {})
            for name in table:
                table[name] = getattr(made, f"configure_{kind[:-1]}")(table[name])
        _make_handlers(made, parts.get("handlers", {}))
        for name, about in parts.get("loggers", {}).items():
            made.configure_logger(name, about)
        if _may_have_root(parts):
            made.configure_root(parts["root"])
    except (ValueError, TypeError, AttributeError, KeyError, ImportError) as error:
        cause = f" ({error.__cause__})" if error.__cause__ and str(error.__cause__) not in str(error) else ""
        raise ConfigurationError(f"The logging configuration cannot be used: {error}{cause}") from error


def _make_handlers(made: Any, table: Any) -> None:
    """Make handlers; one that passes records on to another has to wait for that one."""
    waiting = []
    for name in sorted(table):
        try:
            table[name] = _named(made.configure_handler(table[name]), name)
        except ValueError as error:
            if "target not configured yet" not in str(error.__cause__):
                raise
            waiting.append(name)
    for name in waiting:
        table[name] = _named(made.configure_handler(table[name]), name)


def _named(handler: Any, name: str) -> Any:
    handler.name = name
    return handler


def _may_have_root(parts: Any) -> bool:
    """True when a configuration says something of its own of the root logger and its user has not."""
    root = parts.get("root")
    return bool(root) and dict(root) != DEFAULT_CONFIG["root"] and not logging.root.handlers


def _change_levels(config: dict[str, Any]) -> None:
    """Change levels only: of loggers, and of handlers that a configuration has made."""
    for name, about in config.get("loggers", {}).items():
        if about.get("level") is not None:
            logging.getLogger(name).setLevel(about["level"])
        for handler in logging.getLogger(name).handlers:
            level = config.get("handlers", {}).get(handler.name or "", {}).get("level")
            if level is not None:
                handler.setLevel(level)
    if _may_have_root(config) and config["root"].get("level"):
        logging.root.setLevel(config["root"]["level"])
