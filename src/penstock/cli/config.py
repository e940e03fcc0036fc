"""``penstock config``: the settings in force, and those of the profile in use."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from penstock.cli.ask import fail
from penstock.exceptions import ConfigurationError, ProfileSettingsValidationError
from penstock.settings import get_current_settings
from penstock.settings._kinds import SECRET, as_text
from penstock.settings._layers import current_files
from penstock.settings._registry import BY_FLAT, find
from penstock.settings.profiles import key_of, load_current_profile, update_current_profile

#: These say where profiles are, so that a profile cannot hold them.
_NOT_IN_PROFILES = {"home": "PENSTOCK_HOME", "profiles_path": "PENSTOCK_PROFILES_PATH"}


def commands() -> typer.Typer:
    """Return the commands on settings."""
    app = typer.Typer(no_args_is_help=True)
    app.command("set")(set_)
    for command in (unset, view, validate):
        app.command()(command)
    return app


def set_(settings: Annotated[list[str], typer.Argument(metavar="NAME=VALUE...")]) -> None:
    """Change settings of the profile in use."""
    given: dict[str, str] = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            fail(f"{text!r} is not of the form NAME=VALUE.")
        given[_checked(name)] = value
    try:
        profile = update_current_profile(given)
    except (ConfigurationError, ProfileSettingsValidationError) as error:
        fail(f"Nothing was changed. {error}")
    for name, value in given.items():
        print(f"Set {name!r} to {_shown(name, value, secrets=False)!r}.")
        _say_if_environment_wins(name, "will be used instead of what was set here")
    print(f"Updated profile {profile.name!r}.")


def unset(
    names: Annotated[list[str], typer.Argument(metavar="NAME...")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Take settings out of the profile in use, so that they are at their defaults again."""
    profile = load_current_profile()
    wanted = [_checked(name) for name in names]
    held = profile.to_environment_variables()
    for name in wanted:
        if name not in held:
            fail(f"{name!r} is not set in profile {profile.name!r}.")
    if not may(f"Take {', '.join(wanted)} out of profile {profile.name!r}?", yes=yes):
        fail("Nothing was changed.")
    update_current_profile(dict.fromkeys(wanted))
    for name in wanted:
        print(f"Unset {name!r}.")
        _say_if_environment_wins(name, "is still in force")
    print(f"Updated profile {profile.name!r}.")


def view(
    show_defaults: Annotated[
        bool, typer.Option("--show-defaults/--hide-defaults", help="Settings at their defaults, too.")
    ] = False,
    show_sources: Annotated[
        bool, typer.Option("--show-sources/--hide-sources", help="Where each value comes from.")
    ] = True,
    show_secrets: Annotated[
        bool, typer.Option("--show-secrets/--hide-secrets", help="Secrets as they are.")
    ] = False,
) -> None:
    """Show the settings in force."""
    settings = get_current_settings()
    print(f"PENSTOCK_PROFILE={current_files().profile_name!r}")
    for row in sorted(BY_FLAT.values(), key=lambda row: row.variables[0]):
        source = settings.source_of(row.flat)
        if source == "defaults" and not show_defaults:
            continue
        value = getattr(settings, row.flat)
        text = "" if value is None else _shown(row.variables[0], as_text(value), secrets=show_secrets)
        print(f"{row.variables[0]}={text!r}" + (f" (from {source})" if show_sources else ""))
    for name, value in sorted(current_files().overrides.items()):
        print(f"{name}={value!r}" + (" (changes the logging configuration)" if show_sources else ""))


def validate() -> None:
    """Check the profile in use and every other source; exits with 1 when a value is not usable."""
    profile = load_current_profile()
    problems = []
    try:
        profile.validate_settings()
    except ProfileSettingsValidationError as error:
        problems += [str(about) for _, about in error.errors]
    for key in profile.settings:
        try:
            key_of(key)
        except ConfigurationError as error:
            problems.append(f"Profile {profile.name!r}: {error}")
    settings = get_current_settings()
    for flat in BY_FLAT:
        try:
            getattr(settings, flat)
        except ConfigurationError as error:
            problems.append(str(error))
    if problems:
        fail("\n".join(dict.fromkeys(problems)))
    print("Configuration valid!")


def may(question: str, *, yes: bool = False) -> bool:
    """Ask somebody at a terminal; everybody else has said yes by giving the command."""
    import sys

    prompt = get_current_settings().cli_prompt
    if yes or prompt is False or (prompt is None and not sys.stdin.isatty()):
        return True
    return typer.confirm(question)


def _checked(name: str) -> str:
    """Return the variable of a setting a profile can hold; ends the command for any other name."""
    row = find(name)
    if row is not None and row.flat in _NOT_IN_PROFILES:
        fail(
            f"{_NOT_IN_PROFILES[row.flat]} says where profiles are, so a profile cannot hold it. "
            "Set it as an environment variable."
        )
    try:
        return str(key_of(name))
    except ConfigurationError as error:
        fail(str(error))


def _shown(name: str, value: str, *, secrets: bool) -> str:
    row = find(name)
    return "**********" if row is not None and row.kind is SECRET and not secrets else value


def _say_if_environment_wins(name: str, what: str) -> None:
    row = find(name)
    for variable in row.variables if row is not None else (name,):
        if os.environ.get(variable):
            print(f"The environment variable {variable} {what}; clear it with: unset {variable}")
