"""A cache key with what it was made of."""

from __future__ import annotations

from typing import Any, NamedTuple

from penstock._results.policies import (
    CachePolicy,
    CompoundCachePolicy,
    FlowParameters,
    Inputs,
    PartedPolicy,
    Parts,
    RunId,
    TaskSource,
    joined_key,
    key_of,
)
from penstock._results.sources import SourcePart

#: A subclass may compute its key in a way of its own, so only these are asked for their parts.
_PARTED = (FlowParameters, Inputs, RunId, TaskSource)


class Key(NamedTuple):
    """A cache key; no text means that the run is not cached."""

    text: str | None
    parts: Parts


def compute(
    policy: CachePolicy, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any]
) -> Key:
    """Return the key that a policy makes and its parts; the policy's `compute_key` returns the same key.

    Raises:
        HashError: a part has no stable content.
    """
    if type(policy) is CompoundCachePolicy:
        keys = [compute(part, task_ctx, inputs, flow_parameters) for part in policy.policies]
        return Key(
            joined_key(key.text for key in keys),
            {name: part for key in keys for name, part in key.parts.items()},
        )
    if isinstance(policy, PartedPolicy) and type(policy) in _PARTED:
        parts = policy.parts(task_ctx, inputs, flow_parameters)
        return Key(parts["run"].digest if type(policy) is RunId and parts else key_of(parts), parts)
    text = policy.compute_key(task_ctx, inputs, flow_parameters)
    return Key(text, {} if text is None else {_named(policy): SourcePart(text)})


def _named(policy: CachePolicy) -> str:
    function = getattr(policy, "cache_key_fn", None)
    return "cache_key_fn" if function is not None else f"policy {type(policy).__name__}"
