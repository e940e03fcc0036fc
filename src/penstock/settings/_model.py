"""The settings as attributes: flat (`settings.tasks_default_retries`) and by group (`settings.tasks.default_retries`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from penstock.exceptions import ConfigurationError
from penstock.settings._layers import EMPTY, Scope, environment, from_environment, from_files, scope_variable
from penstock.settings._registry import BY_FLAT, BY_PATH, GROUPS, flat_of, parse_updates, suggestion
from penstock.settings._table import Row
from penstock.settings.base import PenstockBaseSettings, _roots


class Settings(PenstockBaseSettings):
    """The settings in force here and now.

    Every setting is an attribute, by its path with underscores and through its groups; each access looks at the
    `with` blocks around, the environment and the files. Values given to the constructor beat all of them.

    Args:
        values: by attribute or, for groups, as dicts: ``Settings(tasks={"default_retries": 2})``.

    Raises:
        ConfigurationError: a name is not a setting, or a value is not usable.

    Example:
        >>> get_current_settings().tasks.default_retries
        0
    """

    __slots__ = ()

    def __init__(self, **values: Any) -> None:
        own = None
        if values:
            base = scope_variable.get() or EMPTY
            found, dropped = parse_updates(dict(_flattened(values)), "Settings()")
            own = _merged(base, found, dropped)
        super().__init__("", own)

    @classmethod
    def _with_scope(cls, own: Scope | None) -> Settings:
        settings = cls()
        settings._own = own
        return settings

    def copy_with_update(
        self,
        updates: Mapping[Any, Any] | None = None,
        set_defaults: Mapping[Any, Any] | None = None,
        restore_defaults: Iterable[Any] | None = None,
    ) -> Settings:
        """Return other settings; these stay as they are.

        Args:
            updates: new values by attribute, path, variable or `Setting`. None restores the default.
            set_defaults: values for settings that no source and no block has set.
            restore_defaults: settings that get their default, whatever the sources say.

        Raises:
            ConfigurationError: a name is not a setting, or a value is not usable.
        """
        return Settings._with_scope(updated(self._scope(), self, updates, set_defaults, restore_defaults))

    def source_of(self, name: str) -> str:
        """Say where a value is from: "override", "env", ".env file", "penstock.toml", "pyproject.toml", "profile"
        or "defaults".

        Args:
            name: attribute, path or variable of a setting.
        """
        return self._source(BY_FLAT[flat_of(name)])

    @property
    def connected_to_cloud(self) -> bool:
        """Always False: there is no cloud to be connected to."""
        return False

    def __getattr__(self, name: str) -> Any:
        row = BY_FLAT.get(name)
        if (
            row is not None
        ):  # finding the value has raised an AttributeError, which must not be taken for ours
            return _getter(row)(self)
        raise _unknown(name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(path for path in GROUPS if "." not in path)})


_roots.append(Settings)


class SettingsGroup(PenstockBaseSettings):
    """The settings of one group, such as `settings.tasks`."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        path = f"{self._path}.{name}"
        row = BY_PATH.get(path)
        if row is not None:
            return self._value(row)
        if path in GROUPS:
            return SettingsGroup(path, self._own)
        raise _unknown(path)

    def __dir__(self) -> list[str]:
        below = (row.path[len(self._path) + 1 :].partition(".")[0] for row in self._rows())
        return sorted({*super().__dir__(), *below})


def updated(
    scope: Scope,
    settings: PenstockBaseSettings,
    updates: Mapping[Any, Any] | None,
    set_defaults: Mapping[Any, Any] | None,
    restore_defaults: Iterable[Any] | None,
    source: str = "temporary_settings",
) -> Scope:
    """Return the scope after an update; see `Settings.copy_with_update`."""
    values, dropped = parse_updates(updates or {}, source)
    dropped |= {flat_of(name) for name in restore_defaults or ()}
    if set_defaults:
        wanted, _ = parse_updates(set_defaults, source)
        unset = {
            name: value
            for name, value in wanted.items()
            if name in dropped or settings._source(BY_FLAT[name]) == "defaults"
        }
        values = {**unset, **values}
    return _merged(scope, values, dropped)


def _merged(base: Scope, values: Mapping[str, Any], dropped: set[str]) -> Scope:
    kept = (
        {name: value for name, value in base.overrides.items() if name not in dropped}
        if dropped
        else base.overrides
    )
    return base._replace(
        overrides={**kept, **values}, restored=base.restored | dropped if dropped else base.restored
    )


def _flattened(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        path = f"{prefix}{name}"
        if path in GROUPS and isinstance(value, Mapping):
            yield from _flattened(value, f"{path}.")
        elif path in GROUPS and isinstance(value, PenstockBaseSettings):
            yield from ((row.path, value._value(row)) for row in value._rows())
        else:
            yield path, value


def _unknown(name: str) -> AttributeError:
    return AttributeError(f"There is no setting {name!r}{suggestion(name)}")


def _getter(row: Row) -> Callable[[Settings], Any]:
    """Return the function behind one attribute. It runs several times a task run: no call that can be avoided."""
    flat, default, derived = row.flat, row.default, row.derived
    keys = tuple(name.encode() for name in row.variables)
    in_force = scope_variable.get

    def get(settings: Settings) -> Any:
        scope = settings._own or in_force()
        if scope is not None:
            if flat in scope.overrides:
                return scope.overrides[flat]
            if flat in scope.restored:
                return derived(settings) if derived is not None else default
        variables = environment()
        for key in keys:
            text = variables.get(key)
            if text:
                return from_environment(row, key, text, settings)
        is_set, value = from_files(row, flat, scope, settings)
        if is_set:
            return value
        return derived(settings) if derived is not None else default

    return get


def _group_getter(path: str) -> Callable[[Settings], SettingsGroup]:
    return lambda settings: SettingsGroup(path, settings._own)


for _row in BY_FLAT.values():
    setattr(Settings, _row.flat, property(_getter(_row), doc=_row.about))
for _path in GROUPS:
    if "." not in _path:
        setattr(Settings, _path, property(_group_getter(_path), doc=f"The settings below `{_path}`."))

__all__ = ["ConfigurationError", "Settings", "SettingsGroup"]
