"""Where settings come from besides the process: files, each read into one mapping.

Reference pages: concepts/settings-and-profiles, api-ref/python/prefect-settings-sources. From high to low: the
environment, `.env`, `penstock.toml` and `pyproject.toml` in the working directory, the active profile.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from penstock.exceptions import ConfigurationError
from penstock.settings._registry import BY_FLAT, BY_PATH, BY_VARIABLE, GROUPS, is_logging_override, suggestion
from penstock.settings._table import PREFIX, Row


class Found(NamedTuple):
    """A value as a source holds it."""

    value: Any
    #: For people: ".env file", "penstock.toml", "profile".
    source: str
    #: What the setting is called there.
    key: str


class _Source:
    """Something that holds some of the settings.

    Attributes:
        label: what people call it.
        found: what it holds, by attribute.
        overrides: values of the logging configuration it replaces, by variable.
    """

    label = ""

    def __init__(self) -> None:
        self.found: dict[str, Found] = {}
        self.overrides: dict[str, str] = {}

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Return the value of a setting here (None when there is none), its name here, and whether it is a table.

        Args:
            field: not needed; part of the documented signature.
            field_name: the attribute or the path of the setting.
        """
        row = BY_FLAT.get(field_name) or BY_PATH.get(field_name)
        held = self.found.get(row.flat) if row is not None else None
        if held is None:
            return None, field_name, False
        return held.value, held.key, isinstance(held.value, dict)

    def _take_variables(self, variables: Mapping[str, Any]) -> list[str]:
        """Take settings named by environment variables; of several names the first one counts. Return the unknown."""
        unknown = []
        best: dict[str, int] = {}
        for name, value in variables.items():
            row = BY_VARIABLE.get(name)
            if row is None:
                if is_logging_override(name):
                    self.overrides[name] = str(value)
                else:
                    unknown.append(name)
            elif value != "" and (rank := row.variables.index(name)) < best.get(row.flat, 99):
                best[row.flat] = rank
                self.found[row.flat] = Found(value, self.label, name)
        return unknown


class EnvFilterSettingsSource(_Source):
    """The environment, at one moment.

    Args:
        ignore: variables that do not count.
    """

    label = "env"

    def __init__(self, *, ignore: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self._take_variables(
            {
                name: text
                for name, text in os.environ.items()
                if name.startswith(PREFIX) and name not in ignore
            }
        )


class FilteredDotEnvSettingsSource(_Source):
    """A `.env` file; only variables that begin with `PENSTOCK_` are ours.

    Args:
        path: the file; one that is not there holds nothing.
    """

    label = ".env file"

    def __init__(self, path: Path) -> None:
        super().__init__()
        text = _read(path)
        if text is not None:
            self._take_variables(
                {name: value for name, value in read_dotenv(text).items() if name.startswith(PREFIX)}
            )


class TomlConfigSettingsSourceBase(_Source):
    """A TOML file whose tables are the groups of settings.

    Args:
        path: the file; one that is not there holds nothing.
        table: where in the file our settings are.
    """

    def __init__(self, path: Path, table: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.path = path
        text = _read(path)
        if text is None or (table and table[-1] not in text):
            return
        ours: Any = read_toml(text, path)
        for name in table:
            ours = ours.get(name, {}) if isinstance(ours, dict) else {}
        unknown = self._take_table(ours, ())
        if unknown:
            hint = suggestion(unknown[0])
            warnings.warn(f"{path}: not a setting: {', '.join(unknown)}{hint}", stacklevel=2)

    def _take_table(self, table: Mapping[str, Any], prefix: tuple[str, ...]) -> list[str]:
        unknown = []
        for name, value in table.items():
            path = ".".join((*prefix, name))
            row: Row | None = BY_PATH.get(path)
            if row is not None:
                self.found[row.flat] = Found(value, self.label, path)
            elif path in GROUPS and isinstance(value, dict):
                unknown += self._take_table(value, (*prefix, name))
            else:
                unknown.append(path)
        return unknown


class PenstockTomlConfigSettingsSource(TomlConfigSettingsSourceBase):
    """`penstock.toml`."""

    label = "penstock.toml"


PrefectTomlConfigSettingsSource = PenstockTomlConfigSettingsSource


class PyprojectTomlConfigSettingsSource(TomlConfigSettingsSourceBase):
    """The table `[tool.penstock]` of `pyproject.toml`."""

    label = "pyproject.toml"

    def __init__(self, path: Path) -> None:
        super().__init__(path, ("tool", "penstock"))


#: Profiles that are there without a file.
STOCK_PROFILES: dict[str, dict[str, str]] = {
    "ephemeral": {"PENSTOCK_SERVER_ALLOW_EPHEMERAL_MODE": "true"},
    "local": {"PENSTOCK_API_URL": "http://127.0.0.1:4200/api"},
}
DEFAULT_PROFILE = "ephemeral"
PROFILE_VARIABLE = "PENSTOCK_PROFILE"


class ProfileSettingsTomlLoader(_Source):
    """The active profile of a file of profiles.

    Args:
        path: the file; where there is none, the stock profiles are.
        name: the profile to take; `PENSTOCK_PROFILE`, else what the file calls active, when not given.
    """

    label = "profile"

    def __init__(self, path: Path, name: str | None = None) -> None:
        super().__init__()
        active, profiles = read_profiles(path)
        profiles = {**STOCK_PROFILES, **profiles}
        self.name = name or os.environ.get(PROFILE_VARIABLE) or active or DEFAULT_PROFILE
        if self.name not in profiles:
            warnings.warn(
                f"There is no profile {self.name!r} in {path}; {DEFAULT_PROFILE!r} is used. "
                f"Known: {', '.join(sorted(profiles))}. Make it with: penstock profile create {self.name}",
                stacklevel=2,
            )
            self.name = DEFAULT_PROFILE
        unknown = self._take_variables(profiles[self.name])
        if unknown:
            hint = suggestion(unknown[0])
            warnings.warn(
                f"Profile {self.name!r} of {path}: not a setting: {', '.join(unknown)}{hint}", stacklevel=2
            )


def read_profiles(path: Path) -> tuple[str | None, dict[str, dict[str, Any]]]:
    """Return the active profile's name, if the file has one, and the profiles of the file.

    Raises:
        ConfigurationError: the file is not one of profiles.
    """
    text = _read(path)
    if text is None:
        return None, {}
    content = read_toml(text, path)
    profiles = content.get("profiles", {})
    active = content.get("active")
    if not isinstance(profiles, dict) or not all(isinstance(held, dict) for held in profiles.values()):
        raise ConfigurationError(f"{path} is not a file of profiles: it needs tables [profiles.NAME].")
    return (str(active) if active is not None else None), profiles


def read_toml(text: str, path: Path) -> dict[str, Any]:
    """Parse TOML.

    Raises:
        ConfigurationError: it is not TOML; says where.
    """
    import tomllib  # few workspaces have such a file

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}. Correct it or move it away.") from error


def read_dotenv(text: str) -> dict[str, str]:
    """Parse the lines `NAME=value` of a `.env` file; quotes around a value and comments are taken off."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if not equals or name.startswith("#"):
            continue
        value = value.strip()
        quote = value[:1]
        if quote in {'"', "'"} and (end := value.find(quote, 1)) > 0:
            value = value[1:end]
        else:
            value = value.partition(" #")[0].rstrip()
        found[name.strip()] = value
    return found


def _read(path: Path) -> str | None:
    """Return what is in a file; None when it is not there or may not be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        warnings.warn(f"The settings in {path} do not count, since it cannot be read: {error}", stacklevel=2)
        return None
