"""What the sources say now: asked several times a task run, so it must cost less than a microsecond.

The environment is looked at on each access. Files are looked at again when `PENSTOCK_HOME` or another variable that
says where they are has changed, and otherwise after `_GOOD_FOR` seconds: then a `stat` each, and only what changed is
read. What this process writes itself counts at once (`forget`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from penstock.settings._kinds import PATH
from penstock.settings._registry import BY_FLAT, parse
from penstock.settings._table import Row, default_home
from penstock.settings.sources import (
    FilteredDotEnvSettingsSource,
    Found,
    PenstockTomlConfigSettingsSource,
    ProfileSettingsTomlLoader,
    PyprojectTomlConfigSettingsSource,
)

#: Seconds; how old the knowledge about files and the working directory may be.
_GOOD_FOR = 0.1
#: Variables that say where files are.
_PLACES = (b"PENSTOCK_HOME", b"PENSTOCK_PROFILES_PATH", b"PENSTOCK_PROFILE", b"HOME")


class Scope(NamedTuple):
    """What a `with` block (or a constructor) says about settings."""

    #: Values by attribute; they beat every source.
    overrides: Mapping[str, Any]
    #: Attributes that are at their default, whatever the sources say.
    restored: frozenset[str] = frozenset()
    #: What the profile says that counts instead of the active one, by attribute.
    profile: Mapping[str, Found] | None = None
    #: Its name.
    profile_name: str | None = None


EMPTY = Scope({})
scope_variable: ContextVar[Scope | None] = ContextVar("penstock_settings_scope", default=None)


class Files:
    """What the files said when they were last looked at."""

    __slots__ = (
        "good_until",
        "local",
        "overrides",
        "parsed",
        "places",
        "profile",
        "profile_name",
        "profiles_path",
        "stamps",
    )

    def __init__(self, places: tuple[bytes | None, ...], folder: Path | None) -> None:
        self.places = places
        # Taken before the files are read: what is written meanwhile is seen the next time.
        stamps = _stamps(folder)
        self.good_until = 0.0
        self.parsed: dict[str, Any] = {}
        sources: list[Any] = []
        if folder is not None:
            sources = [
                PyprojectTomlConfigSettingsSource(folder / "pyproject.toml"),
                PenstockTomlConfigSettingsSource(folder / "penstock.toml"),
                FilteredDotEnvSettingsSource(folder / ".env"),
            ]
        #: What the files of the working directory say, by attribute.
        self.local: dict[str, Found] = {}
        #: Values of the logging configuration the files replace.
        self.overrides: dict[str, str] = {}
        for source in sources:
            self.local.update(source.found)
        self.profiles_path = _profiles_path(self.local)
        self.stamps = (*stamps, _stamp(os.fspath(self.profiles_path)))
        profile = ProfileSettingsTomlLoader(self.profiles_path)
        self.profile_name = profile.name
        self.profile: dict[str, Found] = profile.found
        for source in (profile, *sources):
            self.overrides.update(source.overrides)


_files: Files | None = None


def environment() -> Mapping[bytes, bytes]:
    """Return the environment as bytes: `os.environ.get` costs ten times as much for a variable that is not set."""
    try:
        data: Mapping[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]
    except AttributeError:  # somebody has put a plain dict in its place
        return {os.fsencode(name): os.fsencode(text) for name, text in os.environ.items()}
    return data


def current_files() -> Files:
    """Return what the files say now."""
    files = _files
    if files is not None and monotonic() < files.good_until:
        data = environment()
        home, profiles, profile, user = _PLACES
        if (data.get(home), data.get(profiles), data.get(profile), data.get(user)) == files.places:
            return files
    return _look_again()


def profile_in_use() -> str | None:
    """Return the name of the profile a `with` block here asked for."""
    scope = scope_variable.get()
    return scope.profile_name if scope is not None else None


def forget() -> None:
    """Look at the files again at the next access."""
    global _files
    _files = None


def _look_again() -> Files:
    global _files
    before, data = _files, environment()
    places = tuple(data.get(name) for name in _PLACES)
    try:
        folder: Path | None = Path.cwd()
    except FileNotFoundError:  # it was deleted under us
        folder = None
    if (
        before is not None
        and before.places == places
        and before.stamps == _stamps(folder, before.profiles_path)
    ):
        before.good_until = monotonic() + _GOOD_FOR
        return before
    files = Files(places, folder)
    files.good_until = monotonic() + _GOOD_FOR
    _files = files
    return files


def _stamps(folder: Path | None, *more: Path) -> tuple[Any, ...]:
    names = [] if folder is None else [folder / name for name in (".env", "penstock.toml", "pyproject.toml")]
    return tuple(_stamp(os.fspath(path)) for path in (*names, *more))


def _stamp(path: str) -> tuple[Any, ...]:
    try:
        about = os.stat(path)  # noqa: PTH116 - called often
    except OSError:
        return (path,)
    return path, about.st_mtime_ns, about.st_size, about.st_ino


def _profiles_path(local: Mapping[str, Found]) -> Path:
    """Say where profiles are, without asking profiles."""

    def home() -> Path:
        told = os.environ.get("PENSTOCK_HOME")
        if told:
            return path_of(told, os.environ.get("HOME"))
        found = local.get("home")
        if found is None:
            return default_home(os.environ.get("HOME"))
        return Path(parse(BY_FLAT["home"], *found))

    row = BY_FLAT["profiles_path"]
    told = os.environ.get("PENSTOCK_PROFILES_PATH")
    if told:
        return Path(parse(row, told, "env", "PENSTOCK_PROFILES_PATH", home))
    found = local.get("profiles_path")
    return Path(parse(row, *found, home)) if found is not None else home() / "profiles.toml"


@lru_cache(maxsize=64)
def path_of(told: str, _home: str | None) -> Path:
    """Return a path with ~ replaced; remembered for this value of HOME."""
    path: Path = PATH.read(told)
    return path


#: Absolute paths by the bytes that name them: `home` is asked for at every event.
_paths: dict[bytes, Path] = {}


def from_environment(row: Row, key: bytes, text: bytes, settings: Any) -> Any:
    """Return the value an environment variable gives a setting."""
    if row.kind is PATH:
        path = _paths.get(text)
        if path is not None:
            return path
    told = os.fsdecode(text)
    value = parse(row, told, "env", os.fsdecode(key), lambda: settings.home)
    if row.kind is PATH and told[0] == "/" and "$" not in told:
        if len(_paths) > 256:
            _paths.clear()
        _paths[text] = value
    return value


def from_files(row: Row, flat: str, scope: Scope | None, settings: Any) -> tuple[bool, Any]:
    """Return whether a file sets a setting, and to what."""
    files = current_files()
    profile = files.profile if scope is None or scope.profile is None else scope.profile
    found = files.local.get(flat) or profile.get(flat)
    if found is None:
        return False, None
    if flat in files.parsed and files.parsed[flat][0] is found:
        return True, files.parsed[flat][1]
    value = parse(row, *found, lambda: settings.home)
    if "$" not in str(found.value):
        files.parsed[flat] = (found, value)
    return True, value
