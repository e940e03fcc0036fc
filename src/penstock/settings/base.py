"""What `Settings` and its groups have in common. Reference page: api-ref/python/prefect-settings-base."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypedDict

from penstock.settings._kinds import Secret, as_text
from penstock.settings._layers import EMPTY, Scope, environment, from_files, scope_variable
from penstock.settings._registry import BY_FLAT
from penstock.settings._table import PREFIX, Row


class PenstockSettingsConfigDict(TypedDict, total=False):
    """Where the settings of a group are looked for; what `build_settings_config` returns."""

    env_prefix: str
    env_file: str
    toml_file: str
    penstock_toml_table_header: tuple[str, ...]
    pyproject_toml_table_header: tuple[str, ...]
    frozen: bool
    extra: str


PrefectSettingsConfigDict = PenstockSettingsConfigDict


def build_settings_config(path: tuple[str, ...] = (), frozen: bool = False) -> PenstockSettingsConfigDict:
    """Say where the settings of a group are looked for.

    Args:
        path: the group: `("tasks", "runner")`; the root when empty.
        frozen: noted in the answer.

    Example:
        >>> build_settings_config(("tasks",))["env_prefix"]
        'PENSTOCK_TASKS_'
    """
    return {
        "env_prefix": PREFIX + "".join(f"{part.upper()}_" for part in path),
        "env_file": ".env",
        "toml_file": "penstock.toml",
        "penstock_toml_table_header": tuple(path),
        "pyproject_toml_table_header": ("tool", "penstock", *path),
        "frozen": frozen,
        "extra": "ignore",
    }


class PenstockBaseSettings:
    """Settings below one path.

    Without a scope of its own it is a view of the settings in force where it is asked.
    """

    __slots__ = ("_own", "_path")

    def __init__(self, path: str = "", own: Scope | None = None) -> None:
        self._path = path
        self._own = own

    def _rows(self) -> Iterator[Row]:
        prefix = f"{self._path}." if self._path else ""
        return (row for row in BY_FLAT.values() if row.path.startswith(prefix))

    def _scope(self) -> Scope:
        return self._own or scope_variable.get() or EMPTY

    def _value(self, row: Row) -> Any:
        return getattr(_root(self), row.flat)

    def _source(self, row: Row) -> str:
        """Say where a value is from: "override", "env", ".env file", "penstock.toml", "pyproject.toml", "profile"
        or "defaults".
        """
        from penstock.settings._layers import current_files

        scope = self._scope()
        if row.flat in scope.overrides:
            return "override"
        if row.flat in scope.restored:
            return "defaults"
        if any(environment().get(name.encode()) for name in row.variables):
            return "env"
        if not from_files(row, row.flat, scope, _root(self))[0]:
            return "defaults"
        found = current_files().local.get(row.flat)
        return found.source if found is not None else "profile"

    def to_environment_variables(
        self, exclude_unset: bool = False, include_secrets: bool = True, include_aliases: bool = False
    ) -> dict[str, str]:
        """Return the variables that give another process these settings.

        Args:
            exclude_unset: leave out what is at its default.
            include_secrets: False leaves secrets out.
            include_aliases: give older names of a setting the same value.

        Example:
            >>> with temporary_settings({"tasks.default_retries": 2}) as settings:
            ...     settings.tasks.to_environment_variables(exclude_unset=True)
            {'PENSTOCK_TASKS_DEFAULT_RETRIES': '2'}
        """
        variables = {}
        for row in self._rows():
            if exclude_unset and self._source(row) == "defaults":
                continue
            value = self._value(row)
            if value is None or (isinstance(value, Secret) and not include_secrets):
                continue
            for name in row.variables if include_aliases else row.variables[:1]:
                variables[name] = as_text(value)
        return variables

    def model_dump(self) -> dict[str, Any]:
        """Return the values as nested dicts; secrets are masked."""
        values: dict[str, Any] = {}
        skip = len(self._path) + 1 if self._path else 0
        for row in self._rows():
            *groups, name = row.path[skip:].split(".")
            table = values
            for group in groups:
                table = table.setdefault(group, {})
            table[name] = self._value(row)
        return values

    def hash_key(self) -> str:
        """Return a text that is the same for equal settings, secrets included."""
        import hashlib

        values = ((row.path, self._value(row)) for row in self._rows())
        told = "\n".join(f"{path}={None if value is None else as_text(value)!r}" for path, value in values)
        return hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PenstockBaseSettings) or other._path != self._path:
            return NotImplemented
        return self is other or self.hash_key() == other.hash_key()

    def __hash__(self) -> int:
        return hash((self._path, self.hash_key()))

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self.model_dump().items())
        return f"{type(self).__name__}({told})"


def _root(settings: PenstockBaseSettings) -> Any:
    """Return all settings of the scope a group belongs to; `_model` defines what they are."""
    return settings if not settings._path else _roots[0]._with_scope(settings._own)


#: The class of all settings, entered by its module.
_roots: list[Any] = []


PrefectBaseSettings = PenstockBaseSettings

__all__ = [
    "PenstockBaseSettings",
    "PenstockSettingsConfigDict",
    "PrefectBaseSettings",
    "PrefectSettingsConfigDict",
    "build_settings_config",
]
