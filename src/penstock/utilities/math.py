"""Random waiting times. Reference page: api-ref prefect-utilities-math."""

from __future__ import annotations

import math
import random

from penstock._values import waiting_times
from penstock._values.waiting_times import exponential_cdf as _cdf

_rng = random.Random()


def poisson_interval(average_interval: float, lower: float = 0, upper: float = 1) -> float:
    """Draw the time to the next event, when events come at random with this average distance.

    Args:
        average_interval: the mean, in any unit.
        lower, upper: draw only between these two shares of the distribution; 0.5 is its median.
    """
    return waiting_times.draw(average_interval, lower, upper, _rng)


def exponential_cdf(x: float, average_interval: float) -> float:
    """Return the chance that such a time is at most `x`."""
    return _cdf(x, average_interval)


def lower_clamp_multiple(k: float) -> float:
    """Return the c for which as much of the distribution lies between c medians and the median as between it and k.

    Args:
        k: the upper bound, as a multiple of the median.

    Example:
        >>> round(lower_clamp_multiple(2), 3)
        0.415
    """
    # The median is ln 2 averages: above k medians lies 2**-k of the distribution, and as much is to lie below c.
    return -math.log2(1 - 2**-k) if k < 50 else 0.0


def clamped_poisson_interval(average_interval: float, clamping_factor: float = 0.3) -> float:
    """Draw such a time of at most ``average_interval * (1 + clamping_factor)``, so that the mean is kept.

    Args:
        average_interval: the mean, in any unit.
        clamping_factor: how far above the mean, as a share of it.
    """
    return waiting_times.draw_clamped(average_interval, clamping_factor, _rng)


def bounded_poisson_interval(lower_bound: float, upper_bound: float) -> float:
    """Draw such a time between two bounds, where their middle is the average of the unbounded distribution."""
    average = (lower_bound + upper_bound) / 2
    return waiting_times.draw(average, _cdf(lower_bound, average), _cdf(upper_bound, average), _rng)


__all__ = [
    "bounded_poisson_interval",
    "clamped_poisson_interval",
    "exponential_cdf",
    "lower_clamp_multiple",
    "poisson_interval",
]
