"""How long to wait before a run is tried again. Reference: how-to-guides/workflows/retries."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

Delays = float | int | Sequence[float] | None


def exponential_backoff(backoff_factor: float) -> Callable[[int], list[float]]:
    """Return a function of the number of retries that gives delays doubling from `backoff_factor` seconds.

    Example:
        >>> exponential_backoff(2)(3)
        [2, 4, 8]
    """

    def delays(retries: int) -> list[float]:
        return [backoff_factor * 2**number for number in range(retries)]

    return delays


def delay_before(
    retry: int, delays: Delays, jitter: float | None = None, rng: random.Random | None = None
) -> float:
    """Return the seconds to wait before retry number `retry` (the first is 0).

    Args:
        retry: which retry.
        delays: one number for all, or one each, the last of which goes on.
        jitter: with j > 0, the delay is drawn so that its mean is kept and it is at most ``delay * (1 + j)``.
        rng: where chance comes from, for tests.
    """
    if delays is None:
        delay = 0.0
    elif isinstance(delays, (int, float)):
        delay = float(delays)
    else:
        delay = float(delays[min(retry, len(delays) - 1)]) if delays else 0.0
    return clamped_poisson(delay, jitter, rng or random.Random()) if jitter and delay > 0 else delay


def clamped_poisson(average: float, clamp: float, rng: random.Random) -> float:
    """Draw from an exponential distribution of mean `average`, cut at ``average * (1 + clamp)``, mean kept.

    The lower cut is where ``x * exp(-x)`` is what it is at the upper one: between two such cuts the mean stays.
    """
    upper = 1 + clamp
    low, high = 1 - math.exp(-_lower_cut(upper)), 1 - math.exp(-upper)
    # Inverse transform sampling between the two cuts.
    return -average * math.log(1 - (low + rng.random() * (high - low)))


def _lower_cut(upper: float) -> float:
    wanted = upper * math.exp(-upper)
    below, above = 0.0, 1.0
    for _ in range(50):
        middle = (below + above) / 2
        below, above = (middle, above) if middle * math.exp(-middle) < wanted else (below, middle)
    return below
