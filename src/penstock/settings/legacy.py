"""Settings as objects named after their variables. Reference page: api-ref/python/prefect-settings-legacy.

`from penstock.settings import PENSTOCK_API_URL; PENSTOCK_API_URL.value()`.
"""

from __future__ import annotations

from typing import Any

from penstock.settings._kinds import SECRET
from penstock.settings._model import Settings
from penstock.settings._registry import BY_FLAT, BY_VARIABLE, plain
from penstock.settings._table import Row
from penstock.settings.context import get_current_settings


class Setting:
    """One setting, wherever its value comes from.

    Args:
        row: what is known about it.

    Example:
        >>> from penstock.settings import PENSTOCK_TASKS_DEFAULT_RETRIES
        >>> PENSTOCK_TASKS_DEFAULT_RETRIES.value()
        0
    """

    __slots__ = ("_row",)

    def __init__(self, row: Row) -> None:
        self._row = row

    @property
    def name(self) -> str:
        """The environment variable."""
        return self._row.variables[0]

    @property
    def accessor(self) -> str:
        """The dotted path."""
        return self._row.path

    @property
    def is_secret(self) -> bool:
        """True when the value must not be shown."""
        return self._row.kind is SECRET

    def default(self) -> Any:
        """Return the value when nothing is set."""
        derived = self._row.derived
        return plain(derived(get_current_settings()) if derived is not None else self._row.default)

    def value(self) -> Any:
        """Return the value in force here."""
        return self.value_from(get_current_settings())

    def value_from(self, settings: Settings) -> Any:
        """Return the value in given settings; secrets are not masked."""
        return plain(getattr(settings, self._row.flat))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Setting) and other.name == self.name

    def __hash__(self) -> int:
        return hash(("penstock setting", self.name))

    def __repr__(self) -> str:
        return f"<{self.name}: {self._row.kind.name}>"

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> Any:
        return setting_named, (self.name,)


def setting_named(variable: str) -> Setting:
    """Return the setting an environment variable stands for; older names are as good.

    Raises:
        KeyError: it stands for none.
    """
    return Setting(BY_VARIABLE[variable])


def all_settings() -> list[Setting]:
    """Return every setting, in the order of the table."""
    return [Setting(row) for row in BY_FLAT.values()]


__all__ = ["Setting", "all_settings", "setting_named"]
