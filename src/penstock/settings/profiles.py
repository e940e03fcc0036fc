"""Profiles: named sets of settings, kept in one file. Reference page: api-ref/python/prefect-settings-profiles."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock.exceptions import ConfigurationError, MissingProfileError
from penstock.exceptions import ProfileSettingsValidationError as ProfileSettingsValidationError
from penstock.settings._kinds import as_text
from penstock.settings._layers import current_files, forget, profile_in_use
from penstock.settings._registry import find, is_logging_override, parse, suggestion
from penstock.settings.context import get_current_settings
from penstock.settings.legacy import Setting
from penstock.settings.sources import STOCK_PROFILES, read_profiles

Key = Setting | str


def key_of(name: Key) -> Key:
    """Return the setting somebody named, or the variable of a value of the logging configuration.

    Raises:
        ConfigurationError: it is neither.
    """
    row = find(name)
    if row is not None:
        return Setting(row)
    text = str(name)
    if is_logging_override(text):
        return text
    raise ConfigurationError(f"Not a setting: {text}{suggestion(text)}")


@dataclass
class Profile:
    """A named set of settings.

    Attributes:
        name: unique in its collection.
        settings: values by `Setting`; values of the logging configuration by variable.
        source: the file it was read from; None for one that was made here or is stock.
    """

    name: str
    settings: dict[Any, Any] = field(default_factory=dict)
    source: Path | None = None

    def __post_init__(self) -> None:
        self.settings = {_lenient(key): value for key, value in self.settings.items()}

    def to_environment_variables(self) -> dict[str, str]:
        """Return the settings as environment variables; what is None is left out."""
        return {str(key): as_text(value) for key, value in self.settings.items() if value is not None}

    def validate_settings(self) -> None:
        """Check every value.

        Raises:
            ProfileSettingsValidationError: some are not usable.
        """
        errors: list[tuple[Any, Exception]] = []
        for key, value in self.settings.items():
            row = find(key)
            if row is None or value is None:
                continue
            try:
                parse(row, value, f"profile {self.name!r}", str(key), lambda: get_current_settings().home)
            except ConfigurationError as error:
                errors.append((key, error))
        if errors:
            raise ProfileSettingsValidationError(errors)


def _lenient(key: Key) -> Key:
    row = find(key)
    return Setting(row) if row is not None else str(key)


class ProfilesCollection:
    """Profiles with unique names, one of which may be active.

    Args:
        profiles: what is in it.
        active: the name of the active one.
    """

    def __init__(self, profiles: Iterable[Profile], active: str | None = None) -> None:
        self.profiles_by_name = {profile.name: profile for profile in profiles}
        self.active_name = active

    @property
    def names(self) -> set[str]:
        """The names of the profiles."""
        return set(self.profiles_by_name)

    @property
    def active_profile(self) -> Profile | None:
        """The active profile; None when there is none."""
        return self.profiles_by_name.get(self.active_name) if self.active_name is not None else None

    def set_active(self, name: str | None, check: bool = True) -> None:
        """Make a profile the active one; None says that this collection does not decide.

        Raises:
            ValueError: there is no such profile (unless `check` is False).
        """
        if check and name is not None and name not in self.profiles_by_name:
            raise MissingProfileError(
                f"Unknown profile name {name!r}. Known: {', '.join(sorted(self.names))}"
            )
        self.active_name = name

    def add_profile(self, profile: Profile) -> None:
        """Add a profile.

        Raises:
            ValueError: there is one of that name.
        """
        if profile.name in self.profiles_by_name:
            raise ValueError(f"Profile {profile.name!r} already exists in this collection.")
        self.profiles_by_name[profile.name] = profile

    def update_profile(self, name: str, settings: Mapping[Any, Any], source: Path | None = None) -> Profile:
        """Merge settings into a profile, which is made when there is none; None takes a setting out.

        Args:
            name: the profile.
            settings: values by `Setting`, variable or path.
            source: the file it belongs to; the one it was read from when not given.

        Returns:
            the new profile.
        """
        before = self.profiles_by_name.get(name)
        merged = dict(before.settings) if before is not None else {}
        merged.update({key_of(key): value for key, value in settings.items()})
        kept = {key: value for key, value in merged.items() if value is not None}
        profile = Profile(name, kept, source or (before.source if before is not None else None))
        self.profiles_by_name[name] = profile
        return profile

    def remove_profile(self, name: str) -> None:
        """Take a profile out; `KeyError` when there is none of that name."""
        del self.profiles_by_name[name]

    def without_profile_source(self, path: Path | None) -> ProfilesCollection:
        """Return a collection without the profiles that were read from a file."""
        kept = [profile for profile in self.profiles_by_name.values() if profile.source != path]
        return ProfilesCollection(kept, self.active_name)

    def items(self) -> list[tuple[str, Profile]]:
        """Return names and profiles."""
        return list(self.profiles_by_name.items())

    def to_dict(self) -> dict[str, Any]:
        """Return what is written to the file."""
        profiles = {
            name: {str(key): _storable(value) for key, value in profile.settings.items()}
            for name, profile in self.profiles_by_name.items()
        }
        return {"active": self.active_name, "profiles": profiles}

    def __getitem__(self, name: str) -> Profile:
        return self.profiles_by_name[name]

    def __iter__(self) -> Any:
        return iter(self.profiles_by_name)

    def __len__(self) -> int:
        return len(self.profiles_by_name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ProfilesCollection):
            return NotImplemented
        return self.profiles_by_name == other.profiles_by_name and self.active_name == other.active_name

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"ProfilesCollection(profiles={list(self.profiles_by_name.values())!r}, active={self.active_name!r})"


def _storable(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float, str)) else as_text(value)


def load_profiles(include_defaults: bool = True) -> ProfilesCollection:
    """Read the profiles.

    Args:
        include_defaults: with the stock profiles, where the file has none of their names.

    Raises:
        ConfigurationError: the file is not one of profiles.
    """
    path = get_current_settings().profiles_path
    active, tables = read_profiles(path)
    profiles = [Profile(name, dict(table), path) for name, table in tables.items()]
    if include_defaults:
        stock = [Profile(name, dict(table)) for name, table in STOCK_PROFILES.items() if name not in tables]
        profiles = stock + profiles
        active = active or current_files().profile_name
    return ProfilesCollection(profiles, active)


def load_profile(name: str) -> Profile:
    """Read one profile.

    Raises:
        MissingProfileError: there is none of that name.
    """
    profiles = load_profiles()
    if name not in profiles.names:
        known = ", ".join(sorted(profiles.names))
        raise MissingProfileError(
            f"Profile {name!r} not found. Known: {known}. Make it with: penstock profile create {name}"
        )
    return profiles[name]


def load_current_profile() -> Profile:
    """Read the profile in use, with what is in the file only."""
    return load_profile(profile_in_use() or current_files().profile_name)


def save_profiles(profiles: ProfilesCollection) -> None:
    """Write the profiles, except stock profiles nobody has changed, to the file (`profiles_path`)."""
    stock = {name: Profile(name, dict(table)) for name, table in STOCK_PROFILES.items()}
    kept = [
        profile
        for name, profile in profiles.items()
        if profile.source is not None or name not in stock or stock[name].settings != profile.settings
    ]
    content = ProfilesCollection(kept, profiles.active_name).to_dict()
    _write(get_current_settings().profiles_path, _toml(content))
    forget()


def update_current_profile(settings: Mapping[Any, Any]) -> Profile:
    """Merge settings into the profile in use and write it; one that is in no file yet is made.

    Args:
        settings: values by `Setting`, variable or path; None takes a setting out.

    Returns:
        the new profile.

    Raises:
        ProfileSettingsValidationError: a value is not usable. ConfigurationError: a name is not a setting.

    Example:
        >>> update_current_profile({"PENSTOCK_LOGGING_LEVEL": "DEBUG"}).name
        'ephemeral'
    """
    current = load_current_profile()
    profiles = load_profiles()
    updated = profiles.update_profile(current.name, settings, get_current_settings().profiles_path)
    updated.validate_settings()
    save_profiles(profiles)
    return updated


def _toml(content: Mapping[str, Any]) -> str:
    lines = [] if content["active"] is None else [f"active = {json.dumps(content['active'])}", ""]
    for name, table in content["profiles"].items():
        lines.append(f"[profiles.{_quoted(name)}]")
        lines += [f"{_quoted(key)} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()]
        lines.append("")
    return "\n".join(lines)


def _quoted(name: str) -> str:
    """Return a key of TOML."""
    bare = bool(name) and name.isascii() and all(letter.isalnum() or letter in "-_" for letter in name)
    return name if bare else json.dumps(name, ensure_ascii=False)


def _write(path: Path, text: str) -> None:
    """Replace a file in one step; it may hold secrets, so it is this user's alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


__all__ = [
    "Profile",
    "ProfileSettingsValidationError",
    "ProfilesCollection",
    "load_current_profile",
    "load_profile",
    "load_profiles",
    "save_profiles",
    "update_current_profile",
]
