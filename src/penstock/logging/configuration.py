"""Configuration. Reference pages: advanced/logging-customization, api-ref/python/prefect-logging-configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from penstock._engine.log_setup import configure, load_config


def load_logging_config(path: Path) -> dict[str, Any]:
    """Read a logging configuration and change it as settings and variables say.

    `${PENSTOCK_...}` in a text stands for the value of a setting. A variable named after a place, such as
    ``PENSTOCK_LOGGING_LOGGERS_PENSTOCK_FLOW_RUNS_LEVEL``, replaces the value there; it may be in the environment, in
    `.env` or in the profile. Loggers of `logging.extra_loggers` are configured like `penstock.extra`.

    Args:
        path: a YAML file; the built-in configuration is used where there is none.

    Returns:
        what `logging.config.dictConfig` takes.

    Raises:
        ConfigurationError: the file is not usable.

    Example:
        >>> load_logging_config(Path("nowhere.yml"))["loggers"]["penstock"]["level"]
        'INFO'
    """
    return load_config(Path(path))


def setup_logging(incremental: bool | None = None) -> dict[str, Any]:
    """Set up logging from the settings in force. The first flow run does this by itself.

    Only loggers that the configuration names are touched; a root logger that has handlers is left alone.

    Args:
        incremental: change levels only. When not given, the first time sets up everything, later times change levels.

    Returns:
        the configuration that was used.

    Raises:
        ConfigurationError: the configuration is not usable.
    """
    return configure(incremental)


__all__ = ["load_logging_config", "setup_logging"]
