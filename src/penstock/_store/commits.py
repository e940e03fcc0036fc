"""Bringing rows into the database, and keeping its files in order: trying again, checkpoints, settling.

On a thread of its own, the only one that writes: a commit takes milliseconds in which the writer goes on deciding.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

from penstock._crashpoints import crashpoint
from penstock._store import durability
from penstock._store.database import WAL_LIMIT, Database
from penstock._store.feed import Feed, Written
from penstock._store.report import say
from penstock._store.requests import Command, Refused
from penstock._store.rows import Rows, add_all
from penstock._store.watching import Watching

#: Pauses between attempts; afterwards the process gives up and its successor reads the journals.
_BACKOFF = (0.1, 0.5, 2.0, 5.0)
#: Rows that share one transaction, about.
_ROWS = 20_000
#: Seconds without work after which task runs are settled.
_QUIET = 0.1


@dataclass(slots=True)
class Bundle:
    """Rows of one turn of the writer, who waits for them to be committed, and who is told then."""

    rows: Rows
    waiting: list[Command] = field(default_factory=list)
    touched: Iterable[str] = ()
    news: list[Written] = field(default_factory=list)


class _Job:
    """Something to do between two commits, and where its end is told."""

    def __init__(self, do: Callable[[], None]) -> None:
        self.do = do
        self.future: Future[None] = Future()


class Commits:
    """The thread that writes to the database: it takes all bundles that wait into one transaction.

    Args:
        database: the open database.
        journals: where the journals are, which reach the disk before any checkpoint.
        feed: told of what was committed.
        watching: the same, for those who wait for a name.
    """

    def __init__(self, database: Database, journals: Path, feed: Feed, watching: Watching) -> None:
        self._database = database
        self._journals = journals
        self._feed = feed
        self._watching = watching
        self._checkpoint_at = WAL_LIMIT
        self._queue: SimpleQueue[Bundle | _Job | None] = SimpleQueue()
        #: Bundles handed over; which of them are committed the database is told.
        self._count = 0
        self._failed = False
        self._died: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="penstock-commits", daemon=True)

    def start(self, died: Callable[[], None]) -> None:
        """Begin; `died` is called when nothing can be written any more."""
        self._died = died
        self._thread.start()

    def stop(self) -> None:
        """Commit what waits, then end the thread."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def put(self, bundle: Bundle, *, promised: bool) -> None:
        """Hand rows over; the writer thread's. Whoever reads from now on sees what is `promised`."""
        if not (bundle.rows or bundle.waiting or bundle.touched):
            return
        self._count += 1
        if promised:
            self._database.promise(self._count)
        self._queue.put(bundle)

    def checkpoint(self) -> None:
        """Fold the log into the database file, after the journals: the file must never hold more than they do.

        Raises:
            duckdb.Error: it could not be done; everything is where it was.
        """
        self.between(self._checkpoint)

    def compact(self) -> None:
        """Write the database file anew without its holes."""

        def do() -> None:
            durability.sync_journals(self._journals)
            self._database.compact()

        self.between(do)

    def erase(self, statements: Sequence[str]) -> None:
        """Run statements that delete rows, all or none."""
        self.between(lambda: self._database.erase(statements))

    def settle(self) -> None:
        """Settle all task runs that have ended.

        Raises:
            duckdb.Error: it could not be done; they are computed from the log as before.
        """
        self.between(lambda: self._database.settle(due_only=False))

    def between(self, do: Callable[[], None]) -> None:
        """Do something on the thread that commits, after what was handed over, and wait for its end."""
        job = _Job(do)
        self._queue.put(job)
        job.future.result()

    # ---- on the thread that commits -----------------------------------------------------------------------

    def _run(self) -> None:
        number, going = 0, True
        while going:
            try:
                bundles, job, going = self._take()
                if bundles:
                    self._commit(bundles, number := number + len(bundles))
                if job is not None:
                    _finish(job)
                self._tidy()
            except BaseException:
                traceback.print_exc()
                self._die()

    def _take(self) -> tuple[list[Bundle], _Job | None, bool]:
        """Return the bundles that wait, the job behind them, and False when told to stop."""
        bundles: list[Bundle] = []
        size = 0
        item = self._next()
        while isinstance(item, Bundle):
            bundles.append(item)
            size += sum(map(len, item.rows.values()))
            if size > _ROWS:
                return bundles, None, True
            try:
                item = self._queue.get_nowait()
            except Empty:
                return bundles, None, True
        return bundles, item, item is not None

    def _next(self) -> Bundle | _Job | None:
        """Wait for something to do; in a quiet moment task runs are settled."""
        if self._database.is_worth_settling and not self._failed:
            try:
                return self._queue.get(timeout=_QUIET)
            except Empty:
                self._settle(due_only=False)
        return self._queue.get()

    def _commit(self, bundles: list[Bundle], number: int) -> None:
        waiting = [command for bundle in bundles for command in bundle.waiting]
        rows: Rows = {}
        for bundle in bundles:
            add_all(rows, bundle.rows)
        try:
            if self._failed:
                raise RuntimeError("it failed before")
            if rows:
                self.write(rows)
        except BaseException as error:
            refused = Refused(503, {"exception_message": f"The store could not write: {error}"})
            for command in waiting:
                command.future.set_exception(refused)
            raise
        crashpoint("core.committed")
        self._database.reached(number)
        for command in waiting:
            command.future.set_result(command.value)
        crashpoint("commits.answered")
        for bundle in bundles:
            self._feed.publish(bundle.news)
            self._watching.wake(bundle.touched)

    def _die(self) -> None:
        """Nothing more is written: whoever still hands rows over is told so."""
        if not self._failed:
            self._failed = True
            # Nobody waits for what does not come.
            self._database.reached(sys.maxsize)
            self._died()

    def write(self, rows: Rows) -> None:
        """Commit, trying again for a while; whoever waits is better late than told nothing.

        Raises:
            duckdb.Error: it could not be done; nothing may be acknowledged.
        """
        import duckdb

        for pause in (*_BACKOFF, None):
            try:
                self._database.write(rows)
                return
            except duckdb.Error as error:
                say(f"commit failed: {error}")
                if pause is None:
                    raise
            time.sleep(pause)
            self._reopen()
            if self._is_committed(rows):
                return

    def _tidy(self) -> None:
        """Settle task runs and fold the log into the file, when either is due."""
        import duckdb

        if self._failed:
            return
        self._settle(due_only=True)
        if self._database.wal_size() > self._checkpoint_at:
            with contextlib.suppress(duckdb.Error):
                self._checkpoint()
            # After a failure not again at every commit.
            self._checkpoint_at = self._database.wal_size() + WAL_LIMIT

    def _settle(self, *, due_only: bool) -> None:
        import duckdb

        try:
            self._database.settle(due_only=due_only)
        except duckdb.Error as error:
            say(f"could not settle task runs: {error}")
            self._reopen()

    def _checkpoint(self) -> None:
        import duckdb

        durability.sync_journals(self._journals)
        try:
            self._database.checkpoint()
        except duckdb.Error:
            # A full disk invalidates the whole instance: nobody could even read.
            say("could not write a checkpoint")
            self._reopen()
            raise

    def _reopen(self) -> None:
        """Open the file again, trying for a while."""
        import duckdb

        for pause in (*_BACKOFF, None):
            try:
                self._database.reopen()
                return
            except duckdb.Error as error:
                say(f"cannot open the database again: {error}")
                if pause is None:
                    raise
            time.sleep(pause)

    def _is_committed(self, rows: Rows) -> bool:
        """True when a commit that reported an error had reached the disk after all."""
        client, _, last, _ = rows["batch"][-1]
        found = self._database.read_written("SELECT max(last_seq) FROM raw.batch WHERE client = ?", [client])
        return bool(found[0][0] is not None and found[0][0] >= last)


def _finish(job: _Job) -> None:
    try:
        job.do()
    except Exception as error:
        job.future.set_exception(error)
    else:
        job.future.set_result(None)
