"""Settings: where they come from, what they are, how to change them for a while.

Reference pages: concepts/settings-and-profiles, api-ref/settings-ref. From high to low: `temporary_settings`, the
environment, `.env`, `penstock.toml` and `pyproject.toml` of the working directory, the active profile, the default.
Every setting is also an object named after its variable: `from penstock.settings import PENSTOCK_API_URL`.
"""

from typing import TYPE_CHECKING, Any

from penstock.settings._kinds import Secret as Secret
from penstock.settings._model import Settings as Settings
from penstock.settings.context import get_current_settings as get_current_settings
from penstock.settings.context import temporary_settings as temporary_settings

if TYPE_CHECKING:
    from penstock.settings.legacy import Setting as Setting
    from penstock.settings.profiles import Profile as Profile
    from penstock.settings.profiles import ProfilesCollection as ProfilesCollection
    from penstock.settings.profiles import load_current_profile as load_current_profile
    from penstock.settings.profiles import load_profile as load_profile
    from penstock.settings.profiles import load_profiles as load_profiles
    from penstock.settings.profiles import save_profiles as save_profiles
    from penstock.settings.profiles import update_current_profile as update_current_profile

_FROM_PROFILES = {
    "Profile",
    "ProfilesCollection",
    "load_current_profile",
    "load_profile",
    "load_profiles",
    "save_profiles",
    "update_current_profile",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    from penstock.settings._registry import BY_VARIABLE, suggestion

    if name in _FROM_PROFILES:
        return getattr(import_module("penstock.settings.profiles"), name)
    if name == "Setting":
        return import_module("penstock.settings.legacy").Setting
    if name in BY_VARIABLE:
        return import_module("penstock.settings.legacy").setting_named(name)
    hint = suggestion(name) if name.startswith("PENSTOCK_") else ""
    raise AttributeError(f"module 'penstock.settings' has no attribute {name!r}{hint}")


__all__ = [
    "Profile",
    "ProfilesCollection",
    "Secret",
    "Setting",
    "Settings",
    "get_current_settings",
    "load_current_profile",
    "load_profile",
    "load_profiles",
    "save_profiles",
    "temporary_settings",
    "update_current_profile",
]
