"""``penstock profile``: named sets of settings."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from penstock.cli.ask import fail
from penstock.cli.config import may
from penstock.cli.tables import document
from penstock.exceptions import MissingProfileError
from penstock.settings import get_current_settings
from penstock.settings._kinds import SECRET
from penstock.settings._layers import current_files
from penstock.settings._registry import find
from penstock.settings.profiles import Profile, ProfilesCollection, load_profile, load_profiles, save_profiles
from penstock.settings.sources import PROFILE_VARIABLE, STOCK_PROFILES


def commands() -> typer.Typer:
    """Return the commands on profiles."""
    app = typer.Typer(no_args_is_help=True)
    for command in (ls, create, use, delete, rename, inspect):
        app.command()(command)
    app.command("populate-defaults")(populate_defaults)
    return app


def choose(name: str | None) -> None:
    """Use a profile in this process and those it starts; ends the command when there is none of that name."""
    if name is None:
        return
    try:
        load_profile(name)
    except MissingProfileError as error:
        fail(str(error))
    os.environ[PROFILE_VARIABLE] = name


def ls() -> None:
    """List profiles; a star marks the one in use."""
    in_use = current_files().profile_name
    for name in sorted(load_profiles().names):
        print(f"{'*' if name == in_use else ' '} {name}")


def create(
    name: Annotated[str, typer.Argument()],
    source: Annotated[str | None, typer.Option("--from", help="Copy the settings of this profile.")] = None,
) -> None:
    """Make a profile."""
    profiles = load_profiles()
    if name in profiles.names:
        fail(f"Profile {name!r} already exists. Delete it with: penstock profile delete {name}")
    settings = _found(profiles, source).settings if source is not None else {}
    profiles.add_profile(Profile(name, dict(settings), get_current_settings().profiles_path))
    save_profiles(profiles)
    print(f"Created profile {name!r}" + (f" from {source!r}." if source is not None else "."))
    print(f"Use it with: penstock profile use {name}")


def use(name: Annotated[str, typer.Argument()]) -> None:
    """Make a profile the active one."""
    profiles = load_profiles()
    _found(profiles, name)
    profiles.set_active(name)
    save_profiles(profiles)
    print(f"Profile {name!r} is active.")
    chosen = os.environ.get(PROFILE_VARIABLE)
    if chosen and chosen != name:
        print(f"The environment says {PROFILE_VARIABLE}={chosen}; clear it with: unset {PROFILE_VARIABLE}")


def delete(
    name: Annotated[str, typer.Argument()],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a profile."""
    profiles = load_profiles()
    profile = _found(profiles, name)
    if name in {profiles.active_name, current_files().profile_name}:
        fail(f"Profile {name!r} is in use. Take another one first: penstock profile use NAME")
    if profile.source is None:
        fail(f"Profile {name!r} is a stock profile and in no file.")
    if not may(f"Delete profile {name!r}?", yes=yes):
        fail("Nothing was changed.")
    profiles.remove_profile(name)
    save_profiles(profiles)
    print(f"Deleted profile {name!r}.")


def rename(name: Annotated[str, typer.Argument()], new_name: Annotated[str, typer.Argument()]) -> None:
    """Change the name of a profile."""
    profiles = load_profiles()
    profile = _found(profiles, name)
    if new_name in profiles.names:
        fail(f"Profile {new_name!r} already exists.")
    profiles.add_profile(Profile(new_name, dict(profile.settings), get_current_settings().profiles_path))
    profiles.remove_profile(name)
    if profiles.active_name == name:
        profiles.set_active(new_name)
    save_profiles(profiles)
    print(f"Renamed profile {name!r} to {new_name!r}.")
    if os.environ.get(PROFILE_VARIABLE) == name:
        print(f"The environment still says {PROFILE_VARIABLE}={name}.")


def inspect(
    name: Annotated[str | None, typer.Argument(help="The profile in use when not given.")] = None,
    output: Annotated[str | None, typer.Option("--output", "-o", help="json")] = None,
) -> None:
    """Show the settings of a profile."""
    if output not in (None, "json"):
        fail(f"There is no output format {output!r}; only json.")
    profile = _found(load_profiles(), name or current_files().profile_name)
    settings = {key: _masked(key, value) for key, value in profile.to_environment_variables().items()}
    if output == "json":
        document(settings)
        return
    if not settings:
        print(f"Profile {profile.name!r} is empty.")
    for key, value in settings.items():
        print(f"{key}={value!r}")


def populate_defaults() -> None:
    """Write the stock profiles to the file of profiles; what is there already stays."""
    profiles = load_profiles()
    path = get_current_settings().profiles_path
    added = [name for name in STOCK_PROFILES if profiles[name].source is None]
    for name in added:
        profiles.update_profile(name, {}, path)
    save_profiles(profiles)
    print(f"Added {', '.join(added)} to {path}." if added else f"{path} has all stock profiles.")


def _found(profiles: ProfilesCollection, name: str) -> Profile:
    if name not in profiles.names:
        fail(f"Profile {name!r} not found. Known: {', '.join(sorted(profiles.names))}")
    return profiles[name]


def _masked(key: str, value: str) -> str:
    row = find(key)
    return "**********" if row is not None and row.kind is SECRET else value
