"""temporary_settings, settings as objects, secrets, comparison. Reference: prefect-settings-context, -legacy."""

from __future__ import annotations

import asyncio
import pickle
from datetime import timedelta

import pytest

import penstock.settings as module
from penstock.exceptions import ConfigurationError
from penstock.settings import (
    PENSTOCK_API_KEY,
    PENSTOCK_API_URL,
    PENSTOCK_TASK_DEFAULT_RETRIES,
    PENSTOCK_TASKS_DEFAULT_RETRIES,
    Secret,
    Settings,
    get_current_settings,
    temporary_settings,
)
from penstock.settings.base import PrefectBaseSettings
from penstock.settings.legacy import Setting, all_settings


def test_the_documented_example() -> None:
    seen = []
    with temporary_settings(updates={PENSTOCK_API_URL: "foo"}):
        seen.append(PENSTOCK_API_URL.value())
        with temporary_settings(set_defaults={PENSTOCK_API_URL: "bar"}):
            seen.append(PENSTOCK_API_URL.value())
        with temporary_settings(restore_defaults={PENSTOCK_API_URL}):
            seen.append(PENSTOCK_API_URL.value())
            with temporary_settings(set_defaults={PENSTOCK_API_URL: "bar"}):
                seen.append(PENSTOCK_API_URL.value())
    seen.append(PENSTOCK_API_URL.value())

    assert seen == ["foo", "foo", None, "bar", None]


def test_restored_and_dropped_settings_look_at_no_source(monkeypatch) -> None:
    monkeypatch.setenv("PENSTOCK_TASKS_DEFAULT_RETRIES", "3")
    settings = get_current_settings()
    with temporary_settings(restore_defaults=["tasks.default_retries"]):
        restored = settings.tasks_default_retries
    with temporary_settings({"tasks_default_retries": None}):
        dropped = settings.tasks_default_retries

    assert (restored, dropped, settings.tasks_default_retries) == (0, 0, 3)


def test_settings_are_restored_after_errors() -> None:
    with pytest.raises(RuntimeError, match="inside"), temporary_settings({"tasks_default_retries": 3}):
        raise RuntimeError("inside")

    assert get_current_settings().tasks_default_retries == 0


def test_names_may_be_given_in_any_form() -> None:
    names = (
        "tasks_default_retries",
        "tasks.default_retries",
        "PENSTOCK_TASKS_DEFAULT_RETRIES",
        PENSTOCK_TASKS_DEFAULT_RETRIES,
    )
    seen = []
    for number, name in enumerate(names, 1):
        with temporary_settings({name: number}) as settings:
            seen.append(settings.tasks.default_retries)

    assert seen == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("updates", "message"),
    [
        (
            {"tasks.default_retries": -1},
            r"tasks.default_retries=-1 .*not be less than 0 .from temporary_settings",
        ),
        ({"logging.level": "LOUD"}, "logging.level='LOUD'"),
        ({"tasks.retries": 1}, "Not a setting: tasks.retries; did you mean tasks"),
    ],
)
def test_an_override_that_is_not_usable_is_refused(updates, message) -> None:
    with pytest.raises(ConfigurationError, match=message), temporary_settings(updates):
        pass


def test_settings_are_local_to_an_async_context() -> None:
    async def one(retries: int, ready: asyncio.Barrier) -> int:
        with temporary_settings({"tasks_default_retries": retries}):
            await ready.wait()
            return get_current_settings().tasks.default_retries

    async def both() -> list[int]:
        ready = asyncio.Barrier(2)
        return await asyncio.gather(one(1, ready), one(2, ready))

    assert asyncio.run(both()) == [1, 2]


def test_a_setting_is_an_object_named_after_its_variable(monkeypatch) -> None:
    setting = PENSTOCK_TASKS_DEFAULT_RETRIES
    monkeypatch.setenv(setting.name, "2")

    assert (setting.name, setting.value(), setting.default(), setting.is_secret) == (
        "PENSTOCK_TASKS_DEFAULT_RETRIES",
        2,
        0,
        False,
    )
    assert setting.value_from(Settings(tasks_default_retries=5)) == 5
    assert setting == PENSTOCK_TASK_DEFAULT_RETRIES == pickle.loads(pickle.dumps(setting))
    assert len({setting, PENSTOCK_TASK_DEFAULT_RETRIES}) == 1


def test_every_setting_has_an_object() -> None:
    by_name = {setting.name: setting for setting in all_settings()}
    key = by_name["PENSTOCK_API_KEY"]

    assert key == PENSTOCK_API_KEY
    assert isinstance(key, Setting)
    assert (key.is_secret, key.default(), key.value(), key.accessor) == (True, None, None, "api.key")
    assert key.value_from(Settings(api_key="x")) == "x"
    assert by_name["PENSTOCK_RESULTS_LOCAL_STORAGE_PATH"].default() == get_current_settings().home / "storage"


def test_there_are_no_objects_for_what_is_no_setting() -> None:
    with pytest.raises(AttributeError, match="PENSTOCK_TASKS_RETRIES'; did you mean PENSTOCK_TASK"):
        module.PENSTOCK_TASKS_RETRIES  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute 'PREFECT_API_URL'"):
        module.PREFECT_API_URL  # noqa: B018


def test_secrets_do_not_show_themselves() -> None:
    with temporary_settings({PENSTOCK_API_KEY: "s3cret"}) as settings:
        shown = repr(settings) + str(settings.api) + str(settings.model_dump()) + f"{settings.api.key}"
        given = (settings.api.key, settings.api_key.get_secret_value(), PENSTOCK_API_KEY.value())

    assert "s3cret" not in shown
    assert "**********" in shown
    assert given == (Secret("s3cret"), "s3cret", "s3cret")


def test_settings_are_compared_and_hashed_by_value() -> None:
    one, same, other = (
        Settings(tasks_default_retries=1),
        Settings(tasks={"default_retries": 1}),
        Settings(api_key="x"),
    )

    assert one == same
    assert len({one, same, other}) == 2
    assert one.hash_key() == same.hash_key() != other.hash_key()
    assert one.tasks == same.tasks != other.tasks


def test_a_copy_leaves_the_original_alone() -> None:
    original = Settings(tasks_default_retries=1)

    copy = original.copy_with_update(
        updates={"tasks_default_retries": 2}, set_defaults={"flows_default_retries": 3}
    )

    assert (original.tasks_default_retries, original.flows_default_retries) == (1, 0)
    assert (copy.tasks_default_retries, copy.flows_default_retries) == (2, 3)


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT15S", 15), ("P7D", 604_800), ("PT1H30M", 5400), ("2.5", 2.5), ("0", 0)]
)
def test_durations_are_iso_text_or_seconds(text, seconds) -> None:
    with temporary_settings({"server.services.late_runs.after_seconds": text}) as settings:
        assert settings.server.services.late_runs.after_seconds == timedelta(seconds=seconds)


def test_settings_and_their_groups_are_of_one_kind() -> None:
    def count(settings: PrefectBaseSettings) -> int:
        return len(settings.to_environment_variables(exclude_unset=True))

    with temporary_settings({"tasks.default_retries": 1, "flows.default_retries": 1}) as settings:
        assert all(isinstance(part, PrefectBaseSettings) for part in (settings, settings.tasks.runner))
        assert (count(settings.tasks), count(settings.tasks.runner)) == (1, 0)


def test_groups_know_what_is_in_them() -> None:
    settings = get_current_settings()

    assert {"tasks", "logging", "tasks_default_retries"} <= set(dir(settings))
    assert {"level", "to_api", "extra_loggers"} <= set(dir(settings.logging))
    assert settings.logging.to_api.enabled is True
    with pytest.raises(AttributeError, match="There is no setting 'logging.to_api.on'"):
        settings.logging.to_api.on  # noqa: B018


def test_settings_travel_to_other_processes_and_cannot_be_assigned() -> None:
    settings = Settings(tasks_default_retries=4)
    copy = pickle.loads(pickle.dumps(settings))

    assert (copy.tasks.default_retries, copy) == (4, settings)
    with pytest.raises(AttributeError, match="no setter"):
        settings.tasks_default_retries = 5
