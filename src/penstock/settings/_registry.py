"""All rows, and the ways to find one: by attribute, by dotted path, by environment variable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.exceptions import ConfigurationError
from penstock.settings._kinds import PATH, Secret
from penstock.settings._server_table import SERVER_ROWS
from penstock.settings._table import PREFIX, ROWS, Row

#: By attribute: `tasks_default_retries`.
BY_FLAT: dict[str, Row] = {row.flat: row for row in (*ROWS, *SERVER_ROWS)}
#: By path: `tasks.default_retries`.
BY_PATH: dict[str, Row] = {row.path: row for row in BY_FLAT.values()}
#: By any of the environment variables.
BY_VARIABLE: dict[str, Row] = {name: row for row in BY_FLAT.values() for name in row.variables}
#: Everything that has settings below it: `tasks`, `tasks.runner`.
GROUPS: frozenset[str] = frozenset(
    path.rsplit(".", depth)[0] for path in BY_PATH for depth in range(1, path.count(".") + 1)
)
#: Variables below this one that are no settings replace values of the logging configuration.
LOGGING_PREFIX = f"{PREFIX}LOGGING_"


def find(name: Any) -> Row | None:
    """Return the row of an attribute, a path, an environment variable or a `Setting`; None when there is none."""
    text = getattr(name, "name", name)
    if not isinstance(text, str):
        return None
    return BY_FLAT.get(text) or BY_PATH.get(text) or BY_VARIABLE.get(text)


def is_logging_override(name: str) -> bool:
    """True for variables that replace a value of the logging configuration."""
    return name.startswith(LOGGING_PREFIX) and name not in BY_VARIABLE


def flat_of(name: Any) -> str:
    """Return the attribute of a setting named in any way.

    Raises:
        ConfigurationError: a name is not a setting.
    """
    row = find(name)
    if row is None:
        raise ConfigurationError(f"Not a setting: {getattr(name, 'name', name)}{suggestion(str(name))}")
    return row.flat


def suggestion(name: str) -> str:
    """Return what may have been meant, as the rest of a sentence."""
    import difflib  # only errors need it

    names = BY_VARIABLE if name.startswith(PREFIX) else {**BY_FLAT, **BY_PATH}
    close = difflib.get_close_matches(name, names, n=3)
    return f"; did you mean {', '.join(close)}?" if close else ""


def parse(row: Row, value: Any, source: str, key: str, home: Any = None) -> Any:
    """Make the value of a setting of what a source holds.

    Args:
        row: the setting.
        value: text, or a value that has a type already.
        source: where it is from, for people.
        key: what it is called there.
        home: a function that returns the workspace, for paths below `$PENSTOCK_HOME`.

    Raises:
        ConfigurationError: the value is not usable; says which source, which key and what is wrong.
    """
    try:
        if row.kind is PATH and isinstance(value, str) and "PENSTOCK_HOME" in value and home is not None:
            value = value.replace("${PENSTOCK_HOME}", "$PENSTOCK_HOME").replace("$PENSTOCK_HOME", str(home()))
        return row.kind.read(value)
    except ValueError as error:
        raise ConfigurationError(f"{key}={value!r} is not usable: {error} (from {source}).") from error


def parse_updates(updates: Mapping[Any, Any], source: str) -> tuple[dict[str, Any], set[str]]:
    """Return values by attribute, and the attributes that were given None.

    Raises:
        ConfigurationError: a name is not a setting, or a value is not usable.
    """
    values: dict[str, Any] = {}
    dropped: set[str] = set()
    for name, value in updates.items():
        row = find(name) or BY_FLAT[flat_of(name)]
        if value is None:
            dropped.add(row.flat)
        else:
            values[row.flat] = parse(row, value, source, row.path)
    return values, dropped


def plain(value: Any) -> Any:
    """Return a value without its mask."""
    return value.get_secret_value() if isinstance(value, Secret) else value
