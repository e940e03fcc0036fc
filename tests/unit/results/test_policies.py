"""Cache policies: what each looks at, how they combine, and that keys and their parts say the same."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cloudpickle
import pytest

from penstock import flow, task
from penstock._results.fingerprint import KnownFingerprint, fingerprint
from penstock._results.policies import Inputs, compute, with_known_source
from penstock.cache_policies import (
    DEFAULT,
    FLOW_PARAMETERS,
    INPUTS,
    NO_CACHE,
    RUN_ID,
    TASK_SOURCE,
    CacheKeyFnPolicy,
    CachePolicy,
)
from penstock.exceptions import HashError
from penstock.settings import temporary_settings
from penstock.tasks import task_input_hash


@pytest.fixture(autouse=True)
def storage(tmp_path: Path):
    with temporary_settings({"results_local_storage_path": tmp_path / "storage"}):
        yield tmp_path / "storage"


def work(x: int) -> int:
    return x


CONTEXT = SimpleNamespace(task=SimpleNamespace(fn=work), task_run=SimpleNamespace(id="t", flow_run_id="f"))
by_function = CachePolicy.from_cache_key_fn(lambda run, parameters: f"x{parameters['x']}")
POLICIES = {
    "INPUTS": INPUTS,
    "TASK_SOURCE": TASK_SOURCE,
    "RUN_ID": RUN_ID,
    "FLOW_PARAMETERS": FLOW_PARAMETERS,
    "DEFAULT": DEFAULT,
    "DEFAULT - x": DEFAULT - "x",
    "NO_CACHE": NO_CACHE,
    "function": by_function,
    "function + INPUTS": by_function + INPUTS,
    "nested": (INPUTS + RUN_ID) + (FLOW_PARAMETERS + by_function),
    "configured": DEFAULT.configure(key_storage="keys"),
}


@pytest.mark.parametrize("name", POLICIES)
def test_the_parts_come_with_the_key_that_the_policy_computes(name) -> None:
    policy, given = POLICIES[name], (CONTEXT, {"x": 1, "y": [2]}, {"n": 1})
    key = compute(policy, *given)

    assert key.text == policy.compute_key(*given)
    assert bool(key.parts) == (key.text is not None)
    assert compute(pickle.loads(cloudpickle.dumps(policy)), *given) == key


def test_sub_keys_that_are_none_are_dropped_and_order_does_not_matter() -> None:
    nothing = CachePolicy.from_cache_key_fn(lambda run, parameters: None)

    assert (INPUTS + nothing).compute_key(CONTEXT, {"x": 1}, {}) == (nothing + INPUTS).compute_key(
        CONTEXT, {"x": 1}, {}
    )
    assert (nothing + FLOW_PARAMETERS).compute_key(CONTEXT, {"x": 1}, {}) is None
    assert (RUN_ID + INPUTS + TASK_SOURCE).compute_key(CONTEXT, {"x": 1}, {}) == DEFAULT.compute_key(
        CONTEXT, {"x": 1}, {}
    )


def test_an_exclusion_inside_a_compound_leaves_the_others() -> None:
    policy = DEFAULT - "x" - "y"

    assert set(compute(policy, CONTEXT, {"x": 1, "y": 2, "z": 3}, {}).parts) == {"input z", "source", "run"}
    assert compute(policy, CONTEXT, {"x": 1}, {}).text == (TASK_SOURCE + RUN_ID).compute_key(CONTEXT, {}, {})


def test_a_known_hash_stands_for_its_value() -> None:
    known = KnownFingerprint(fingerprint([1, 2]))

    assert INPUTS.compute_key(None, {"x": known}, {}) == INPUTS.compute_key(None, {"x": [1, 2]}, {})


def test_the_owner_of_a_method_is_an_input() -> None:
    calls = []

    class Model:
        def __init__(self, scale: int) -> None:
            self.scale = scale

        @task(cache_policy=INPUTS)
        def run(self, x: int) -> int:
            calls.append(self.scale)
            return x * self.scale

    assert (Model(2).run(3), Model(2).run(3), Model(5).run(3)) == (6, 6, 15)
    assert calls == [2, 5]


def test_configuring_a_policy_leaves_the_shared_one_alone(tmp_path) -> None:
    before = (DEFAULT, INPUTS)
    other = DEFAULT.configure(key_storage=tmp_path, isolation_level="SERIALIZABLE", lock_manager="locks")

    assert (other.key_storage, other.isolation_level, other.lock_manager) == (
        tmp_path,
        "SERIALIZABLE",
        "locks",
    )
    assert (DEFAULT.key_storage, DEFAULT.isolation_level, DEFAULT.lock_manager) == (None, None, None)
    assert before == (DEFAULT, INPUTS)
    assert other.configure() == other
    assert other.compute_key(CONTEXT, {"x": 1}, {}) == DEFAULT.compute_key(CONTEXT, {"x": 1}, {})


@pytest.mark.parametrize("option", ["key_storage", "isolation_level"])
def test_policies_that_contradict_each_other_cannot_be_added(option) -> None:
    one, other = INPUTS.configure(**{option: "a"}), RUN_ID.configure(**{option: "b"})

    with pytest.raises(ValueError, match=f"different {option.replace('_', ' ')}"):
        one + other
    assert getattr(one + RUN_ID, option) == getattr(RUN_ID + one, option) == "a"


def test_a_subclass_that_computes_its_own_key_is_asked_for_it() -> None:
    class Rounded(Inputs):
        def compute_key(self, task_ctx: Any, inputs: Any, flow_parameters: Any, **kwargs: Any) -> str:
            return f"about {round(inputs['x'])}"

    assert compute(Rounded(), CONTEXT, {"x": 1.2}, {}).text == "about 1"
    assert compute(Rounded() + INPUTS, CONTEXT, {"x": 1.2}, {}).text == (Rounded() + INPUTS).compute_key(
        CONTEXT, {"x": 1.2}, {}
    )


def test_a_key_function_gets_the_run_and_its_inputs() -> None:
    seen = []

    def key(run: Any, parameters: dict[str, Any]) -> str:
        seen.append((str(run.task_run.flow_run_id), run.task.name, parameters))
        return "key"

    step = task(lambda x, y=2: x + y, name="named", cache_key_fn=key)

    @flow
    def run() -> Any:
        return step(1, return_state=True).state_details

    details = run()

    assert seen == [(str(details.flow_run_id), "named", {"x": 1, "y": 2})]
    assert details.cache_key == "key"
    assert isinstance(CachePolicy.from_cache_key_fn(key), CacheKeyFnPolicy)
    assert CacheKeyFnPolicy().compute_key(CONTEXT, {}, {}) is None


def test_the_old_key_function_counts_source_and_inputs() -> None:
    def other(x: int) -> int:
        return x + 1

    elsewhere = SimpleNamespace(task=SimpleNamespace(fn=other))
    one = task_input_hash(CONTEXT, {"x": 1})

    assert one == task_input_hash(CONTEXT, {"x": 1})
    assert len({one, task_input_hash(CONTEXT, {"x": 2}), task_input_hash(elsewhere, {"x": 1})}) == 3


@pytest.mark.parametrize(
    ("policy", "inputs", "flow_parameters", "said"),
    [
        (INPUTS, {"rows": [iter(())]}, {}, "Input 'rows', at [0], is of type builtins.tuple_iterator"),
        (FLOW_PARAMETERS, {}, {"held": iter(())}, "Flow parameter 'held' is of type builtins.tuple_iterator"),
    ],
)
def test_what_cannot_be_hashed_is_named(policy, inputs, flow_parameters, said) -> None:
    with pytest.raises(HashError) as caught:
        policy.compute_key(CONTEXT, inputs, flow_parameters)

    assert str(caught.value).startswith(said)


def test_a_policy_that_travels_takes_the_source_along() -> None:
    policy = with_known_source(DEFAULT, work)
    elsewhere = SimpleNamespace(task=SimpleNamespace(fn=None), task_run=CONTEXT.task_run)

    assert policy.compute_key(elsewhere, {"x": 1}, {}) == DEFAULT.compute_key(CONTEXT, {"x": 1}, {})
    assert pickle.loads(pickle.dumps(policy)) == policy


PROCESS = """
import json, sys
from types import SimpleNamespace
from penstock.cache_policies import DEFAULT, FLOW_PARAMETERS

def helper(x):
    return {"a", "b", "c"} | {x}

def work(x):
    return helper(x)

context = SimpleNamespace(task=SimpleNamespace(fn=work), task_run=SimpleNamespace(id="t", flow_run_id="f"))
inputs = {"names": {"x", "y", "z"}, "by": {frozenset("abc"): 1}}
print(json.dumps([policy.compute_key(context, inputs, {"n": {1, "a"}}) for policy in (DEFAULT, FLOW_PARAMETERS)]))
"""


def test_keys_do_not_depend_on_the_order_of_sets_in_a_process(script) -> None:
    first, second = (json.loads(script(PROCESS, PYTHONHASHSEED=seed).stdout) for seed in ("1", "2"))

    assert first == second
    assert all(first)
