"""From the arguments of `.map` to the arguments of each run. Reference: api-ref prefect-tasks (map)."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from penstock._engine.futures import PenstockFuture
from penstock._engine.signatures import collapse, defaults_of, explode
from penstock._results.fingerprint import KnownFingerprint, fingerprint
from penstock._results.policies import CompoundCachePolicy, Inputs
from penstock._values.annotations import BaseAnnotation, allow_failure, unmapped
from penstock._values.states import State
from penstock.exceptions import HashError, MappingLengthMismatch, MappingMissingIterable

_SMALL = (str, bytes, int, float, bool, type(None))


def is_iterable(value: Any) -> bool:
    """True for what a map iterates over; text, bytes and files are single values."""
    if isinstance(value, (str, bytes, bytearray, io.IOBase)):
        return False
    return isinstance(value, Iterable) or hasattr(value, "__iter__")


class Expansion(NamedTuple):
    """The runs of a map: arguments of each, hashes of what they share, edges to futures that were mapped over."""

    runs: list[dict[str, Any]]
    fingerprints: dict[str, KnownFingerprint]
    edges: dict[str, list[dict[str, str]]]


class _Split(NamedTuple):
    """Arguments of a map: those iterated over, those every run gets, and the futures behind the former."""

    mapped: dict[str, list[Any]]
    shared: dict[str, Any]
    edges: dict[str, list[dict[str, str]]]


def expand(task: Any, parameters: dict[str, Any]) -> Expansion:
    """Return the runs of ``task.map(**parameters)``.

    Raises:
        MappingMissingIterable: nothing to iterate over.
        MappingLengthMismatch: iterables of different lengths.
    """
    split = _split(explode(task.fn, parameters))
    return Expansion(_runs(task.fn, split, parameters), _shared_fingerprints(task, split.shared), split.edges)


def expand_parameters(fn: Callable[..., Any], parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the arguments of each run of a map over `parameters`, the function's defaults among them.

    Raises:
        MappingMissingIterable: nothing to iterate over.
        MappingLengthMismatch: iterables of different lengths.
    """
    defaults = defaults_of(fn)
    return [{**defaults, **run} for run in _runs(fn, _split(explode(fn, parameters)), parameters)]


def _split(parameters: dict[str, Any]) -> _Split:
    mapped: dict[str, list[Any]] = {}
    links: dict[str, list[dict[str, str]]] = {}
    shared: dict[str, Any] = {}
    for name, given in parameters.items():
        value, mark = _resolved(given)
        if isinstance(given, unmapped) or not is_iterable(value):
            shared[name] = mark(value) if mark else value
        else:
            mapped[name] = [mark(item) if mark else item for item in value]
            bare = given.unwrap() if isinstance(given, BaseAnnotation) else given
            if isinstance(bare, PenstockFuture):
                links[name] = [{"input_type": "task_run", "id": str(bare.task_run_id)}]
    return _Split(mapped, shared, links)


def _runs(fn: Callable[..., Any], split: _Split, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    if not split.mapped:
        raise MappingMissingIterable(
            "No iterable parameters were received. Parameters for map must include at least one iterable. "
            f"Parameters: {list(parameters)}"
        )
    lengths = {name: len(items) for name, items in split.mapped.items()}
    if len(set(lengths.values())) > 1:
        raise MappingLengthMismatch(
            "Expected iterable parameters to be the same length; got parameters with different lengths: "
            f"{lengths}"
        )
    return [
        collapse(fn, {**split.shared, **{name: items[number] for name, items in split.mapped.items()}})
        for number in range(next(iter(lengths.values())))
    ]


def _resolved(given: Any) -> tuple[Any, type[BaseAnnotation[Any]] | None]:
    """Return the value to map over and the mark that each element keeps.

    A future is waited for and its result mapped over; the elements then lead back to it by identity.
    """
    mark: type[BaseAnnotation[Any]] | None = None
    value = given
    while isinstance(value, BaseAnnotation):
        if isinstance(value, allow_failure):
            mark = allow_failure
        elif not isinstance(value, unmapped):
            mark = type(value)
        value = value.unwrap()
    if isinstance(given, unmapped):
        return value, mark
    if isinstance(value, (PenstockFuture, State)):
        value = value.result()
    return value, mark


def _shared_fingerprints(task: Any, shared: dict[str, Any]) -> dict[str, KnownFingerprint]:
    """Hash big shared arguments once for the whole map instead of once a run."""
    policy = task.cache_policy
    parts = policy.policies if isinstance(policy, CompoundCachePolicy) else (policy,)
    if not any(isinstance(part, Inputs) for part in parts) or task.persist_result is False:
        return {}
    known: dict[str, KnownFingerprint] = {}
    for name, value in shared.items():
        plain = value.unwrap() if isinstance(value, BaseAnnotation) else value
        if isinstance(plain, (*_SMALL, PenstockFuture, State)):
            continue
        try:
            known[name] = KnownFingerprint(fingerprint(plain))
        except HashError:
            continue
    return known
