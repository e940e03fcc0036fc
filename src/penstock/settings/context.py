"""The settings of a context. Reference page: api-ref/python/prefect-settings-context."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from penstock.settings._layers import EMPTY, scope_variable
from penstock.settings._model import Settings, updated

_settings = Settings()


def get_current_settings() -> Settings:
    """Return the settings of this context.

    Example:
        >>> get_current_settings().logging.level
        'INFO'
    """
    return _settings


@contextmanager
def temporary_settings(
    updates: Mapping[Any, Any] | None = None,
    set_defaults: Mapping[Any, Any] | None = None,
    restore_defaults: Iterable[Any] | None = None,
) -> Iterator[Settings]:
    """Override settings inside a `with` block, for this context only.

    Args:
        updates: values by attribute (`tasks_default_retries`), path (`tasks.default_retries`), variable or
            `Setting`. They beat every source; None restores the default.
        set_defaults: values for settings that no source and no block around has set.
        restore_defaults: settings that have their default inside, whatever the sources say.

    Raises:
        ConfigurationError: a name is not a setting, or a value is not usable.

    Example:
        >>> with temporary_settings({"tasks.default_retries": 2}) as settings:
        ...     settings.tasks.default_retries
        2
    """
    scope = scope_variable.get() or EMPTY
    token = scope_variable.set(updated(scope, _settings, updates, set_defaults, restore_defaults))
    try:
        yield _settings
    finally:
        scope_variable.reset(token)


__all__ = ["get_current_settings", "temporary_settings"]
