"""Run times and lateness in SQL, as the REST API estimates them; `now` is bound as a parameter, once a query.

Lateness: a run that started is late by its start minus the expected one; one that did not start and has not ended
is late by now minus the expected one; never less than nothing.
"""

from __future__ import annotations

_ENDED = "state_type IN ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED')"
#: Seconds; one parameter, the present time.
LATENESS = f"""greatest(0, CASE WHEN start_time IS NULL AND {_ENDED} THEN 0
    ELSE epoch(coalesce(start_time, ?::TIMESTAMP) - expected_start_time) END)"""


def run_time(total: str) -> str:
    """Return the SQL of the estimated run time in seconds; one parameter, the present time.

    Args:
        total: the column with the time of attempts that are over.
    """
    running = "epoch(?::TIMESTAMP - state_timestamp)"
    return f"coalesce({total}, 0) + CASE WHEN state_type = 'RUNNING' AND start_time IS NOT NULL THEN {running} ELSE 0 END"
