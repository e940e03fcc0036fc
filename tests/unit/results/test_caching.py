"""Caching: keys, hits, expiry, what is stored and what happens to damaged files."""

from __future__ import annotations

import json
import stat
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from penstock import flow, task
from penstock._results.fingerprint import fingerprint
from penstock._results.store import ResultStore
from penstock._values.states import utc_now
from penstock.cache_policies import DEFAULT, FLOW_PARAMETERS, INPUTS, NO_CACHE, RUN_ID, TASK_SOURCE
from penstock.exceptions import ConfigurationError, MissingResult, SerializationError
from penstock.settings import temporary_settings


@pytest.fixture(autouse=True)
def storage(tmp_path: Path):
    with temporary_settings({"results_local_storage_path": tmp_path / "storage"}):
        yield tmp_path / "storage"


def counting(**options: Any) -> tuple[Any, list[Any]]:
    """A task that notes each call of its body."""
    calls: list[Any] = []

    @task(**options)
    def work(x: Any = 0, y: Any = 0) -> Any:
        calls.append((x, y))
        return [x, y]

    return work, calls


def context(fn: Any = len, flow_run: str | None = "f", run: str = "t") -> Any:
    return SimpleNamespace(
        task=SimpleNamespace(fn=fn), task_run=SimpleNamespace(id=run, flow_run_id=flow_run)
    )


def key(policy: Any, inputs: dict[str, Any] | None = None, flow_parameters: Any = None, **about: Any) -> Any:
    return policy.compute_key(context(**about), inputs or {}, flow_parameters or {})


def test_a_hit_is_cached_and_the_body_does_not_run(witness) -> None:
    work, calls = counting(cache_policy=INPUTS)

    assert (work(1), work(1), work(2)) == ([1, 0], [1, 0], [2, 0])
    assert calls == [(1, 0), (2, 0)]
    assert witness.states("work") == [
        "Pending",
        "Running",
        "Completed",
        "Pending",
        "Cached",
        "Pending",
        "Running",
        "Completed",
    ]


def test_nothing_is_cached_unless_results_are_stored(storage) -> None:
    work, calls = counting()

    @flow
    def run() -> None:
        work(1)
        work(1)

    run()

    assert (len(calls), storage.exists()) == (2, False)


def test_under_the_default_policy_a_flow_run_shares_with_itself_only() -> None:
    work, calls = counting(persist_result=True)

    @flow
    def run() -> None:
        work(1)
        work(1)

    run()
    run()

    assert len(calls) == 2


def test_policies_make_keys_of_their_parts() -> None:
    assert key(INPUTS, {"x": 1}) == key(INPUTS, {"x": 1}) != key(INPUTS, {"x": 2})
    assert key(INPUTS, {"x": 1, "y": 2}) == key(INPUTS, {"y": 2, "x": 1})
    assert key(TASK_SOURCE, fn=counting) != key(TASK_SOURCE, fn=context)
    assert (key(RUN_ID), key(RUN_ID, flow_run=None)) == ("f", "t")
    assert key(FLOW_PARAMETERS, flow_parameters={"a": 1}) != key(FLOW_PARAMETERS, flow_parameters={"a": 2})
    assert (key(INPUTS), key(FLOW_PARAMETERS), key(NO_CACHE, {"x": 1})) == (None, None, None)


def test_plus_joins_whatever_the_order_and_drops_what_is_none() -> None:
    both = INPUTS + RUN_ID

    assert key(both, {"x": 1}) == key(RUN_ID + INPUTS, {"x": 1})
    assert key(both, {"x": 1}) not in (key(INPUTS, {"x": 1}), key(RUN_ID))
    assert key(INPUTS + FLOW_PARAMETERS) is None
    assert NO_CACHE + INPUTS is INPUTS
    assert INPUTS + NO_CACHE is INPUTS
    with pytest.raises(ValueError, match="different key storage"):
        INPUTS.configure(key_storage="a") + RUN_ID.configure(key_storage="b")


def test_minus_leaves_inputs_out_also_inside_compounds() -> None:
    assert key(INPUTS - "y", {"x": 1, "y": 2}) == key(INPUTS - "y", {"x": 1, "y": 3}) == key(INPUTS, {"x": 1})
    assert key(DEFAULT - "y", {"x": 1, "y": 2}) == key(DEFAULT - "y", {"x": 1, "y": 3})
    assert key(DEFAULT - "y", {"x": 1}) != key(DEFAULT - "y", {"x": 2})
    joined = (INPUTS - "x") + (INPUTS - "y")
    assert key(joined, {"x": 1, "y": 2, "z": 3}) == key(joined, {"x": 9, "y": 9, "z": 3})
    assert RUN_ID - "x" is RUN_ID
    with pytest.raises(TypeError, match="Can only subtract strings"):
        INPUTS - 3


def test_configure_gives_another_policy() -> None:
    configured = DEFAULT.configure(key_storage="somewhere")

    assert (configured.key_storage, DEFAULT.key_storage) == ("somewhere", None)


KEYS = """
import json, sys
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
import numpy as np
import pandas as pd
from pydantic import BaseModel
from penstock._results.fingerprint import fingerprint

@dataclass
class Point:
    x: int
    tags: frozenset

class City(BaseModel):
    name: str
    near: set[str]

def fn(x):
    return x + 1

frame = pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.to_datetime(["2026-01-01", None])})
values = [
    None, True, 1, 1.5, -0.0, 2 + 3j, "text", b"bytes", [1, [2]], (1, 2), {"b": 1, "a": {"c": 2}},
    {"x", "y", "z", "much longer text"}, frozenset([("a", 1), ("b", 2)]), date(2026, 1, 1),
    datetime(2026, 1, 1, 5), timedelta(days=1, seconds=5), UUID(int=5), Point(1, frozenset("abc")),
    City(name="Bath", near={"Bristol", "Wells", "Frome"}), np.arange(6).reshape(2, 3), np.array(["a", "bc"]),
    np.float32(1.5), np.array([{"a": 1}], dtype=object), frame, frame["a"], frame.index, fn,
    pd.DataFrame({"l": [[1], [2]]}),
]
print(json.dumps([fingerprint(value) for value in values]))
"""


def test_fingerprints_are_the_same_in_every_process_and_tell_values_apart(script) -> None:
    first = json.loads(script(KEYS, PYTHONHASHSEED="1").stdout)
    second = json.loads(script(KEYS, PYTHONHASHSEED="2").stdout)

    assert first == second
    assert len(set(first)) == len(first)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        ("1", 1),
        (b"a", "a"),
        ([1, 2], (1, 2)),
        ([1, [2]], [[1], 2]),
        ({"a": 1}, {"a": 2}),
        (["ab", "c"], ["a", "bc"]),
        ([], {}),
        ("", None),
        (0.0, -0.0),
        (timedelta(1), timedelta(0, 1)),
    ],
)
def test_different_values_have_different_fingerprints(one, other) -> None:
    assert fingerprint(one) != fingerprint(other)
    assert fingerprint([one, other]) != fingerprint([other, one])


def test_arrays_are_told_apart_by_shape_type_and_layout() -> None:
    np = pytest.importorskip("numpy")
    base = np.arange(6)

    assert fingerprint(base) != fingerprint(base.reshape(2, 3)) != fingerprint(base.astype("float64"))
    assert fingerprint(base.reshape(2, 3).T) == fingerprint(np.ascontiguousarray(base.reshape(2, 3).T))


def test_frames_are_told_apart_by_values_names_types_and_index() -> None:
    pd = pytest.importorskip("pandas")
    base = pd.DataFrame({"a": [1, 2]})
    others = [
        pd.DataFrame({"a": [1, 3]}),
        pd.DataFrame({"b": [1, 2]}),
        pd.DataFrame({"a": [1.0, 2.0]}),
        pd.DataFrame({"a": [1, 2]}, index=[5, 6]),
        pd.DataFrame({"a": [2, 1]}),
    ]

    assert fingerprint(base) == fingerprint(base.copy())
    assert len({fingerprint(frame) for frame in [base, *others]}) == 6


def test_inputs_that_cannot_be_hashed_run_with_a_warning(witness) -> None:
    import threading

    state = task(cache_policy=INPUTS)(lambda held: 5)(threading.Lock(), return_state=True)

    assert (state.name, state.result()) == ("Completed", 5)
    warnings = [message for level, message in witness.logs if level == 30]
    assert len(warnings) == 1
    assert warnings[0].startswith("Not cached: Input 'held' is of type _thread.lock, which cannot be hashed")
    assert "cache_policy=INPUTS - 'held'" in warnings[0]


def test_a_key_function_that_fails_means_not_cached(witness) -> None:
    def bad(run: Any, parameters: dict[str, Any]) -> str:
        raise RuntimeError("no key")

    work, calls = counting(cache_key_fn=bad)

    assert (work(1), work(1), len(calls)) == ([1, 0], [1, 0], 2)
    assert any("no key" in message for level, message in witness.logs if level == 30)


def test_a_key_function_makes_the_key() -> None:
    work, calls = counting(cache_key_fn=lambda run, parameters: f"x{parameters['x'] % 2}")

    assert (work(1), work(3), work(2)) == ([1, 0], [1, 0], [2, 0])
    assert len(calls) == 2


def test_refresh_computes_again_and_overwrites() -> None:
    work, calls = counting(cache_policy=INPUTS)
    work(1)
    work.with_options(refresh_cache=True)(1)
    with temporary_settings({"tasks_refresh_cache": True}):
        work(1)
        work.with_options(refresh_cache=False)(1)

    assert len(calls) == 3


def test_an_expired_result_is_computed_again() -> None:
    work, calls = counting(cache_policy=INPUTS, cache_expiration=timedelta(seconds=-1))
    fresh, fresh_calls = counting(cache_policy=INPUTS, cache_expiration=timedelta(days=1))
    for _ in range(2):
        work(1)
        fresh(2)

    assert (len(calls), len(fresh_calls)) == (2, 1)


@pytest.mark.parametrize(
    "settings", [{"tasks_disable_caching": True}, {"tasks_default_persist_result": False}]
)
def test_caching_is_switched_off_by_settings(settings) -> None:
    work, calls = counting(cache_policy=INPUTS) if "tasks_disable_caching" in settings else counting()

    @flow(persist_result=True)
    def run() -> None:
        work(1)
        work(1)

    with temporary_settings(settings):
        run()

    assert len(calls) == 2


@pytest.mark.parametrize("policy", [NO_CACHE, None])
def test_no_cache_never_hits(policy) -> None:
    work, calls = counting(cache_policy=policy, persist_result=True)
    work(1)
    work(1)

    assert len(calls) == 2


def test_a_storage_key_is_a_cache_of_its_own(storage) -> None:
    work, calls = counting(result_storage_key="made-{parameters[x]}")

    assert (work(1), work(1, 5), len(calls)) == ([1, 0], [1, 0], 1)
    assert (storage / "made-1").exists()


def test_files_are_private(storage) -> None:
    work, _ = counting(cache_policy=INPUTS)
    work(1)
    [path] = list(storage.iterdir())

    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(storage.stat().st_mode)) == (0o600, 0o700)


def test_a_damaged_file_says_which_and_where(storage) -> None:
    work, _ = counting(cache_policy=INPUTS)
    work(1)
    [path] = list(storage.iterdir())
    path.write_bytes(path.read_bytes()[:-3] + b"???")

    with pytest.raises(MissingResult) as caught:
        work(1)

    assert f"key {path.name!r} ({path}) cannot be read" in str(caught.value)
    assert "Delete the file to have it computed again." in str(caught.value)


@pytest.mark.parametrize("left", [b"\xff\x00 nothing of ours", b"", slice(-3), slice(40)])
def test_what_is_no_whole_record_is_computed_again(left, storage) -> None:
    work, calls = counting(cache_policy=INPUTS)
    work(1)
    [path] = list(storage.iterdir())
    path.write_bytes(left if isinstance(left, bytes) else path.read_bytes()[left])

    assert (work(1), work(1), len(calls)) == ([1, 0], [1, 0], 2)


@pytest.mark.parametrize("bad", ["", "../up", "/abs", "a/../b", "nul\0", "x" * 2001])
def test_keys_cannot_leave_the_folder(bad, storage) -> None:
    store = ResultStore()
    for act in (lambda: store.write(1, bad), lambda: store.read(bad), lambda: store.exists(bad)):
        with pytest.raises(ValueError, match="Not usable as a result key"):
            act()

    assert not storage.exists()


@pytest.mark.parametrize("refresh", [True, False])
def test_a_key_that_leads_out_of_the_folder_is_not_used(refresh, tmp_path, storage, witness) -> None:
    """The error came out of the engine and the run stayed Running for ever."""
    work, _ = counting(cache_key_fn=lambda *_: "../escaped", refresh_cache=refresh)

    state = work(1, return_state=True)

    assert (state.name, state.result()) == ("Completed", [1, 0])
    assert any("Not usable as a result key: '../escaped'" in message for _, message in witness.logs)
    assert not (tmp_path / "escaped").exists()


def test_a_value_dropped_from_memory_is_read_back_or_explained() -> None:
    kept, _ = counting(cache_result_in_memory=False, persist_result=True)
    dropped, _ = counting(cache_result_in_memory=False)

    assert kept(1, return_state=True).result() == [1, 0]
    with pytest.raises(MissingResult, match="cache_result_in_memory=False and does not persist"):
        dropped(1, return_state=True).result()


@pytest.mark.parametrize("kind", [flow, task])
def test_a_result_that_cannot_be_stored_still_completes(kind, witness) -> None:
    import threading

    def work() -> Any:
        return threading.Lock()

    state = kind(persist_result=True)(work)(return_state=True)

    assert (state.name, type(state.result()).__name__) == ("Completed", "lock")
    assert any("The result is not stored" in message for level, message in witness.logs if level == 40)


@pytest.mark.parametrize("kind", [flow, task])
def test_a_place_that_cannot_be_written_to_loses_the_copy_only(kind, tmp_path, witness) -> None:
    place = tmp_path / "a file"
    place.write_text("in the way")

    state = kind(persist_result=True, result_storage=place)(lambda: 5)(return_state=True)

    assert (state.name, state.result()) == ("Completed", 5)
    assert any("The result is not stored" in message for level, message in witness.logs if level == 40)


def test_flow_results_are_stored_when_asked(storage) -> None:
    state = flow(persist_result=True)(lambda: {"a": 1})(return_state=True)

    assert state.result() == {"a": 1}
    assert ResultStore().read(state.state_details.cache_key).result == {"a": 1}


def test_precedence_of_persistence(storage) -> None:
    def stored(task_says: Any, setting: Any, flow_says: Any, default: Any) -> bool:
        step = task(persist_result=task_says, cache_policy=NO_CACHE)(lambda: 1)

        @flow(persist_result=flow_says)
        def run() -> Any:
            return step(return_state=True).state_details.cache_key is not None

        updates = {"tasks_default_persist_result": setting, "results_persist_by_default": default}
        with temporary_settings(updates):
            return run()

    table = {
        (None, None, None, False): False,
        (None, None, None, True): True,
        (None, None, True, False): True,
        (None, False, True, True): False,
        (None, True, False, False): True,
        (False, True, True, True): False,
        (True, False, False, False): True,
    }
    assert {case: stored(*case) for case in table} == table


def test_a_store_reads_what_it_wrote_with_any_serializer(tmp_path) -> None:
    pickled, json_store = ResultStore(tmp_path), ResultStore(tmp_path, "json")
    pickled.write({1: (2, 3)}, "p")
    json_store.write({"a": [1]}, "j", utc_now() + timedelta(days=1), digest="d")

    assert (json_store.read("p").result, pickled.read("j").result) == ({1: (2, 3)}, {"a": [1]})
    assert (pickled.look("j").digest, pickled.exists("nothing")) == ("d", False)
    with pytest.raises(ConfigurationError, match="No serializer is called 'xml'; there are pickle, json"):
        ResultStore(tmp_path, "xml")
    with pytest.raises(SerializationError, match="no JSON form"):
        json_store.write(object(), "o")
    with pytest.raises(MissingResult, match="No result is stored under key 'nothing'"):
        pickled.read("nothing")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["j", "p"]


def test_the_self_of_a_method_is_an_input() -> None:
    @dataclass
    class Shop:
        price: int

        @task(cache_policy=INPUTS, persist_result=True)
        def total(self, n: int) -> int:
            return self.price * n

        @task(cache_policy=INPUTS, task_run_name="{cls.__name__}")
        @classmethod
        def kind(cls) -> str:
            return cls.__name__

    class Sub(Shop):
        pass

    assert (Shop(2).total(3), Shop(5).total(3)) == (6, 15)
    assert (Shop.kind(), Sub.kind()) == ("Shop", "Sub")


def test_a_name_template_sees_the_self_of_a_method(witness) -> None:
    @dataclass
    class Shop:
        price: int

        @task(task_run_name="at-{self.price}")
        def total(self) -> int:
            return self.price

        @flow(flow_run_name="shop-{self.price}")
        def sell(self) -> int:
            return self.total()

    Shop(7).sell()

    assert (witness.task_runs["total"].name, witness.flow_runs["sell"].name) == ("at-7", "shop-7")


def test_a_task_that_changed_its_source_runs_again() -> None:
    def first(x: int) -> str:
        return "first"

    def second(x: int) -> str:
        return "second"

    options = {"cache_policy": INPUTS + TASK_SOURCE, "name": "same"}

    assert (task(**options)(first)(1), task(**options)(second)(1)) == ("first", "second")
