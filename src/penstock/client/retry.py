"""When a request is tried again, and after how long. Reference pages: concepts/rate-limits, settings-ref (client).

No I/O and no clock of its own: `Attempts` is told what happened and says how long to wait.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from penstock.settings import get_current_settings

#: Statuses after which a request is always tried again; settings add to them and cannot take them away.
ALWAYS = frozenset({429, 502, 503})
#: No wait between two attempts that the server did not ask for is longer than this many seconds.
LONGEST = 60.0


@dataclass(slots=True)
class Attempts:
    """The attempts of one request.

    Args:
        most: how often it may be tried again; 0 for never.
        extra_codes: further statuses that mean "try again". A lost answer to a request that makes something makes
            it twice then; that is why nothing is added by default.
        jitter: how far waits are spread, as a share of them.
        rng: numbers between 0 and 1.
    """

    most: int = 5
    extra_codes: Iterable[int] = ()
    jitter: float = 0.2
    rng: random.Random = field(default_factory=random.Random)
    made: int = 0

    def wait_after(self, status: int | None, retry_after: str | None = None) -> float | None:
        """Return seconds to wait before the next attempt; None when there is none.

        Args:
            status: of the answer; None when the connection broke.
            retry_after: that header of the answer, which beats our own idea of a wait and is never undercut.
        """
        again = status is None or status in ALWAYS or status in self.extra_codes
        if not again or self.made >= self.most:
            return None
        self.made += 1
        asked = seconds_of(retry_after)
        if asked is not None:
            return asked * (1 + self.rng.random() * self.jitter)
        wait = min(2.0 ** (self.made - 1), LONGEST)
        return float(wait * (1 + (2 * self.rng.random() - 1) * self.jitter))


def attempts_of_settings() -> Attempts:
    """Return what the settings say."""
    settings = get_current_settings()
    return Attempts(
        settings.client_max_retries,
        frozenset(settings.client_retry_extra_codes),
        settings.client_retry_jitter_factor,
    )


def seconds_of(header: str | None, now: datetime | None = None) -> float | None:
    """Read a Retry-After header: seconds, or a date; None when it is neither."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        due = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (due - (now or datetime.now(UTC))).total_seconds())


__all__ = ["ALWAYS", "Attempts", "attempts_of_settings", "seconds_of"]
