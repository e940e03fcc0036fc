"""Profiles: kept in a file, chosen, edited, used for a while. Reference: prefect-settings-profiles, prefect-context."""

from __future__ import annotations

import stat

import pytest

from penstock.context import SettingsContext, get_settings_context, root_settings_context, use_profile
from penstock.exceptions import ConfigurationError, MissingProfileError
from penstock.settings import (
    PENSTOCK_API_URL,
    PENSTOCK_LOGGING_LEVEL,
    get_current_settings,
    temporary_settings,
)
from penstock.settings._layers import forget
from penstock.settings.profiles import (
    Profile,
    ProfilesCollection,
    ProfileSettingsValidationError,
    load_current_profile,
    load_profile,
    load_profiles,
    save_profiles,
    update_current_profile,
)


@pytest.fixture
def file(folder):
    """The file of profiles."""
    return folder / "home" / "profiles.toml"


def test_the_ephemeral_profile_is_in_use_at_first_and_allows_an_ephemeral_store(folder) -> None:
    settings = get_current_settings()

    assert (load_profiles().active_name, load_current_profile().name) == ("ephemeral", "ephemeral")
    assert settings.server.ephemeral.enabled is True
    assert settings.source_of("server.ephemeral.enabled") == "profile"
    with use_profile("local"):
        assert settings.server.ephemeral.enabled is True
    with use_profile("local", include_current_context=False):
        assert (settings.server.ephemeral.enabled, settings.api.url) == (False, "http://127.0.0.1:4200/api")


def test_updating_the_current_profile_writes_and_counts_at_once(file) -> None:
    update_current_profile({PENSTOCK_API_URL: "http://a", "logging.level": "debug"})
    first = (get_current_settings().api.url, get_current_settings().logging.level)
    update_current_profile({PENSTOCK_LOGGING_LEVEL: None})

    assert first == ("http://a", "DEBUG")
    assert get_current_settings().logging.level == "INFO"
    assert load_profile("ephemeral").to_environment_variables() == {
        "PENSTOCK_SERVER_EPHEMERAL_ENABLED": "true",
        "PENSTOCK_API_URL": "http://a",
    }
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_is_saved_is_loaded_again(file) -> None:
    odd = {
        "PENSTOCK_API_KEY": 'quo"te\\ \n ü',
        "PENSTOCK_LOGGING_ROOT_LEVEL": "DEBUG",
        "PENSTOCK_DEBUG_MODE": True,
        "not ours": 1,
    }
    profiles = ProfilesCollection(
        [Profile("my odd.name", odd, file), Profile("plain", {}, file)], active="plain"
    )

    save_profiles(profiles)

    assert load_profiles(include_defaults=False) == profiles


def test_stock_profiles_are_not_written_unless_changed(file) -> None:
    profiles = load_profiles()
    profiles.update_profile("local", {PENSTOCK_API_URL: "http://b"})
    profiles.set_active("local")

    save_profiles(profiles)

    assert file.read_text() == 'active = "local"\n\n[profiles.local]\nPENSTOCK_API_URL = "http://b"\n'


def test_the_environment_chooses_a_profile_before_the_file_does(file, monkeypatch) -> None:
    save_profiles(ProfilesCollection([Profile("a", {PENSTOCK_API_URL: "http://a"}, file)], active="a"))
    by_file = root_settings_context()
    monkeypatch.setenv("PENSTOCK_PROFILE", "local")
    by_environment = root_settings_context()

    assert (by_file.profile.name, by_environment.profile.name) == ("a", "local")
    assert by_environment.settings.api.url == "http://127.0.0.1:4200/api"


def test_a_profile_that_is_not_there_is_told_and_not_used(folder, monkeypatch) -> None:
    monkeypatch.setenv("PENSTOCK_PROFILE", "lost")

    with pytest.warns(UserWarning, match="no profile 'lost' .*penstock profile create lost"):
        assert root_settings_context().profile.name == "ephemeral"
    with pytest.raises(MissingProfileError, match=r"Profile 'lost' not found. Known: ephemeral, local"):
        load_profile("lost")


def test_a_file_that_is_not_one_of_profiles_is_refused(file) -> None:
    file.write_text("profiles = 3\n")
    forget()

    with pytest.raises(ConfigurationError, match=r"profiles.toml is not a file of profiles"):
        load_profiles()


def test_the_file_of_profiles_may_lie_elsewhere(folder, monkeypatch) -> None:
    (folder / "penstock.toml").write_text(f'profiles_path = "{folder}/elsewhere.toml"\n')
    forget()
    update_current_profile({PENSTOCK_API_URL: "http://c"})

    assert (folder / "elsewhere.toml").exists()
    assert get_current_settings().api.url == "http://c"


def test_values_of_a_profile_are_checked_together(folder) -> None:
    profile = Profile("bad", {"PENSTOCK_TASKS_DEFAULT_RETRIES": "x", "PENSTOCK_LOGGING_LEVEL": "LOUD"})

    with pytest.raises(ProfileSettingsValidationError, match=r"RETRIES='x'.*\n.*LEVEL='LOUD'") as caught:
        profile.validate_settings()
    assert [str(key) for key, _ in caught.value.errors] == [
        "PENSTOCK_TASKS_DEFAULT_RETRIES",
        "PENSTOCK_LOGGING_LEVEL",
    ]
    with pytest.raises(ProfileSettingsValidationError), use_profile(profile):
        pass


def test_an_unusable_value_is_not_written(file) -> None:
    with pytest.raises(ProfileSettingsValidationError, match="not usable"):
        update_current_profile({"PENSTOCK_LOGGING_LEVEL": "LOUD"})
    with pytest.raises(ConfigurationError, match="Not a setting: PENSTOCK_LOUD"):
        update_current_profile({"PENSTOCK_LOUD": "1"})

    assert not file.exists()


def test_a_collection_keeps_names_unique() -> None:
    profiles = ProfilesCollection([Profile("a"), Profile("b")])
    with pytest.raises(ValueError, match="'a' already exists"):
        profiles.add_profile(Profile("a"))
    with pytest.raises(ValueError, match="Unknown profile name 'c'"):
        profiles.set_active("c")
    profiles.remove_profile("b")

    assert (profiles.names, profiles.active_profile) == ({"a"}, None)


def test_settings_of_a_profile_are_merged_and_dropped_with_none() -> None:
    profiles = ProfilesCollection(
        [Profile("a", {PENSTOCK_API_URL: "http://a", PENSTOCK_LOGGING_LEVEL: "DEBUG"})]
    )
    profiles.update_profile("a", {PENSTOCK_API_URL: "http://b", PENSTOCK_LOGGING_LEVEL: None})
    profiles.update_profile("new", {"tasks.default_retries": 3})

    assert profiles.items() == [
        ("a", Profile("a", {PENSTOCK_API_URL: "http://b"})),
        ("new", Profile("new", {"PENSTOCK_TASKS_DEFAULT_RETRIES": 3})),
    ]
    assert profiles.to_dict() == {
        "active": None,
        "profiles": {"a": {"PENSTOCK_API_URL": "http://b"}, "new": {"PENSTOCK_TASKS_DEFAULT_RETRIES": 3}},
    }


def test_profiles_of_a_file_can_be_left_out(file) -> None:
    profiles = ProfilesCollection([Profile("a", source=file), Profile("b")])

    assert profiles.without_profile_source(file).names == {"b"}


def test_the_environment_beats_a_profile_unless_told_otherwise(folder, monkeypatch) -> None:
    monkeypatch.setenv("PENSTOCK_API_URL", "http://env")
    profile = Profile("p", {PENSTOCK_API_URL: "http://profile"})
    with use_profile(profile) as context:
        below = context.settings.api.url
    with use_profile(profile, override_environment_variables=True) as context:
        above = context.settings.api.url

    assert (below, above) == ("http://env", "http://profile")


def test_a_profile_is_added_to_the_settings_around_it(folder) -> None:
    settings = get_current_settings()
    profile = Profile("p", {PENSTOCK_API_URL: "http://profile"})
    seen = []
    with temporary_settings({"tasks.default_retries": 2, PENSTOCK_API_URL: "http://outer"}):
        for include in (True, False):
            with use_profile(profile, include_current_context=include):
                seen.append((settings.api.url, settings.tasks.default_retries))
        seen.append((settings.api.url, settings.tasks.default_retries))

    assert seen == [("http://profile", 2), ("http://profile", 0), ("http://outer", 2)]


def test_the_settings_context_knows_its_profile(folder) -> None:
    with use_profile("local") as context:
        inside = (
            SettingsContext.get() is context,
            get_settings_context().profile.name,
            load_current_profile().name,
        )

    assert inside == (True, "local", "local")
    assert get_settings_context().profile.name == "ephemeral"
