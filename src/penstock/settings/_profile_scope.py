"""Using another profile for a while. Reference page: api-ref/python/prefect-context; its names are in
`penstock.context`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import Any

from penstock.settings._layers import EMPTY, Scope, current_files, scope_variable
from penstock.settings._model import Settings
from penstock.settings._registry import find, parse
from penstock.settings.context import get_current_settings
from penstock.settings.profiles import Profile, load_profile
from penstock.settings.sources import Found

_variable: ContextVar[SettingsContext | None] = ContextVar("penstock_settings_context", default=None)


@dataclass(eq=False)
class SettingsContext:
    """The settings of a context, and the profile they are based on."""

    profile: Profile
    settings: Settings
    #: What the `with` blocks around say.
    _scope: Scope | None = None

    @classmethod
    def get(cls) -> SettingsContext:
        """Return the context that is active here; without a block around, the one of the process."""
        return _variable.get() or root_settings_context()

    def __enter__(self) -> SettingsContext:
        self._tokens: tuple[Token[Any], Token[Any]] = (
            _variable.set(self),
            scope_variable.set(self._scope),
        )
        return self

    def __exit__(self, *_: object) -> None:
        own, scope = self._tokens
        scope_variable.reset(scope)
        _variable.reset(own)


def root_settings_context() -> SettingsContext:
    """Return the context of this process.

    Its profile is the one of ``penstock --profile NAME``, else of `PENSTOCK_PROFILE`, else the active one of the
    file of profiles.

    Example:
        >>> root_settings_context().profile.name
        'ephemeral'
    """
    return SettingsContext(load_profile(current_files().profile_name), get_current_settings())


def get_settings_context() -> SettingsContext:
    """Return the settings in force here together with their profile."""
    return SettingsContext.get()


@contextmanager
def use_profile(
    profile: Profile | str,
    override_environment_variables: bool = False,
    include_current_context: bool = True,
) -> Iterator[SettingsContext]:
    """Use another profile inside a `with` block, in this context only.

    Args:
        profile: its name, or a profile that needs not be in any file.
        override_environment_variables: its settings beat the environment and the files, too.
        include_current_context: settings it does not have stay what they are here; False starts from the
            environment and the files alone.

    Raises:
        MissingProfileError: there is no profile of that name.
        ProfileSettingsValidationError: some of its values are not usable.

    Example:
        >>> with use_profile(Profile("quiet", {"PENSTOCK_LOGGING_LEVEL": "ERROR"})) as context:
        ...     context.settings.logging.level
        'ERROR'
    """
    chosen = load_profile(profile) if isinstance(profile, str) else profile
    chosen.validate_settings()
    base = (scope_variable.get() or EMPTY) if include_current_context else EMPTY
    scope = _with_profile(base, chosen, include_current_context, override_environment_variables)
    with SettingsContext(chosen, get_current_settings(), scope) as context:
        yield context


def _with_profile(base: Scope, profile: Profile, include: bool, override: bool) -> Scope:
    found: dict[str, Found] = {}
    if include:
        found.update(base.profile if base.profile is not None else current_files().profile)
    overrides, restored = dict(base.overrides), set(base.restored)
    for key, value in profile.settings.items():
        row = find(key)
        if row is None or value is None:
            continue
        found[row.flat] = Found(value, "profile", str(key))
        restored.discard(row.flat)
        if override:
            home = get_current_settings().home
            overrides[row.flat] = parse(row, value, "profile", str(key), lambda home=home: home)
        elif not any(os.environ.get(name) for name in row.variables):
            overrides.pop(row.flat, None)
    return Scope(overrides, frozenset(restored), found, profile.name)


__all__ = ["SettingsContext", "get_settings_context", "root_settings_context", "use_profile"]
