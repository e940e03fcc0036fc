"""Options of a task that are checked, or settled with each other, when it is defined."""

from __future__ import annotations

import logging
from typing import Any

from penstock._engine.retry_delays import Delays
from penstock._results.policies import NO_CACHE, CachePolicy
from penstock._values.annotations import NotSet

_MAX_DELAYS = 50


def checked_delays(delays: Any, retries: int | None) -> Delays:
    """Return the delays between attempts as a number or a list.

    Raises:
        TypeError: text was given. ValueError: the list is too long.
    """
    if callable(delays):
        delays = delays(retries or 0)
    if isinstance(delays, str):
        raise TypeError(
            f"Invalid `retry_delay_seconds` provided; must be an int, float, list or callable. Received {delays!r}"
        )
    if delays is None or isinstance(delays, (int, float)):
        return delays
    listed = [float(delay) for delay in delays]
    if len(listed) > _MAX_DELAYS:
        raise ValueError(f"Can not configure more than {_MAX_DELAYS} retry delays per task.")
    return listed


def chosen_policy(policy: Any, key_fn: Any, persist: bool | None, name: str) -> Any:
    """Return the policy that counts when several options speak of caching; a warning says which does not."""
    if key_fn is not None:
        if policy is not NotSet and policy is not None:
            logging.getLogger("penstock.tasks").warning(
                "Both `cache_policy` and `cache_key_fn` are set on task %r. `cache_key_fn` will be used.",
                name,
            )
        return CachePolicy.from_cache_key_fn(key_fn)
    if persist is False:
        if policy is not NotSet and policy is not None and policy is not NO_CACHE:
            logging.getLogger("penstock.tasks").warning(
                "Ignoring `cache_policy` of task %r because `persist_result` is False", name
            )
        return NO_CACHE
    return policy
