"""Task runs that have ended, kept ready in one table, so that a million of them can be listed quickly.

The log stays the truth. `raw.settled` holds task runs that have ended, `raw.unsettled` the ids of all others: those
are computed from the log at each query. What is said about a task run puts it among the others, in the transaction
that writes it; the writer settles them again in portions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock._store.rows import Row

#: Task runs are settled in a quiet moment when this many wait, and twice as many as went on last time.
ENOUGH = 2_000
#: So many times as many are settled without waiting for one.
_TOO_MANY = 10
#: Where the id of the task run is in a row.
_IDS = {"task_run": 3, "task_state": 4, "fence": 3}
_DROP = "DELETE FROM raw.settled WHERE id IN (SELECT unnest(?::UUID[]))"
_DELETE = "DELETE FROM raw.settled WHERE flow_run_id IN (SELECT unnest(?::UUID[]))"
_SETTLE = (
    (
        "CREATE OR REPLACE TEMP TABLE ended AS FROM raw.task_run_now "
        "WHERE state_type IN ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED')"
    ),
    (
        "CREATE OR REPLACE TEMP TABLE going AS SELECT DISTINCT task_run_id FROM raw.unsettled "
        "WHERE task_run_id NOT IN (SELECT id FROM ended) AND task_run_id NOT IN (SELECT id FROM raw.deleted) "
        "AND task_run_id NOT IN (SELECT id FROM raw.task_run WHERE flow_run_id IN (SELECT id FROM raw.deleted))"
    ),
    "INSERT INTO raw.settled FROM ended ORDER BY created, id",
    "TRUNCATE raw.unsettled",
    "INSERT INTO raw.unsettled FROM going",
    "DROP TABLE ended",
    "DROP TABLE going",
)


@dataclass(frozen=True, slots=True)
class Marks:
    """What rows mean for settled task runs: ids that now wait, those of them that may be settled, ids deleted."""

    fresh: frozenset[str]
    late: frozenset[str]
    gone: tuple[str, ...]

    def apply(self, con: Any) -> None:
        """Do it, in the transaction that writes the rows."""
        if self.fresh:
            with con.appender("raw.unsettled") as appender:
                appender.append_rows((task_run,) for task_run in self.fresh)
        if self.late or self.gone:
            con.execute(_DROP, [[*self.late, *self.gone]])
        if self.gone:
            con.execute(_DELETE, [list(self.gone)])


class Settling:
    """What the writer knows of `raw.unsettled`.

    Args:
        con: a connection to read it from.
    """

    def __init__(self, con: Any) -> None:
        self._waiting: set[str] = set()
        self._due = ENOUGH
        self._read(con)

    @property
    def is_worth_it(self) -> bool:
        """True when enough wait to use a quiet moment."""
        return len(self._waiting) >= self._due

    @property
    def is_due(self) -> bool:
        """True when so many wait that queries suffer."""
        return len(self._waiting) >= _TOO_MANY * self._due

    def marks(self, rows: Mapping[str, Sequence[Row]]) -> Marks:
        """Return what the rows mean."""
        touched = {row[index] for table, index in _IDS.items() for row in rows.get(table, ())}
        touched |= {row[4] for row in rows.get("renamed", ()) if row[3] == "task"}
        fresh = frozenset(touched - self._waiting)
        late = fresh.difference(row[3] for row in rows.get("task_run", ()))
        return Marks(fresh, late, tuple(row[4] for row in rows.get("deleted", ())))

    def committed(self, marks: Marks) -> None:
        """Remember what was written."""
        self._waiting |= marks.fresh

    def settle(self, con: Any) -> None:
        """Move the task runs that have ended, in a transaction of its own."""
        con.begin()
        try:
            for sql in _SETTLE:
                con.execute(sql)
            con.commit()
        except BaseException:
            con.rollback()
            raise
        self._read(con)

    def _read(self, con: Any) -> None:
        self._waiting = {str(row[0]) for row in con.execute("FROM raw.unsettled").fetchall()}
        self._due = max(ENOUGH, 2 * len(self._waiting))
