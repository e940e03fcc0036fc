"""How long to wait before a run is tried again. Reference: how-to-guides/workflows/retries."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from penstock._values.waiting_times import draw_clamped

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
    return draw_clamped(delay, jitter, rng or random.Random()) if jitter and delay > 0 else delay
