"""Random waiting times: exponentially distributed, with bounds. Reference: api-ref prefect-utilities-math."""

from __future__ import annotations

import math
import random


def exponential_cdf(x: float, average: float) -> float:
    """Return the chance that a waiting time of this average is at most `x`."""
    return 1 - math.exp(-x / average)


def draw(average: float, lower: float, upper: float, rng: random.Random) -> float:
    """Draw a waiting time whose chance of being exceeded lies between two bounds (inverse transform sampling).

    Args:
        average: mean of the whole distribution.
        lower, upper: bounds of the cumulative chance, from 0 to 1.
        rng: where chance comes from.
    """
    # Above this, the logarithm has nothing left to work with; it is 23 times the average.
    chance = min(lower + rng.random() * (upper - lower), 1 - 1e-10)
    return -average * math.log(1 - chance)


def draw_clamped(average: float, clamp: float, rng: random.Random) -> float:
    """Draw a waiting time of mean `average`, cut at ``average * (1 + clamp)``, with the mean kept.

    The lower cut is where ``x * exp(-x)`` is what it is at the upper one: between two such cuts the mean stays.
    """
    upper = 1 + clamp
    return draw(average, exponential_cdf(_lower_cut(upper), 1), exponential_cdf(upper, 1), rng)


def _lower_cut(upper: float) -> float:
    wanted = upper * math.exp(-upper)
    below, above = 0.0, 1.0
    for _ in range(50):
        middle = (below + above) / 2
        below, above = (middle, above) if middle * math.exp(-middle) < wanted else (below, middle)
    return below
