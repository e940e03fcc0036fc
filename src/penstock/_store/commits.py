"""Bringing rows into the database, and keeping its files in order: trying again, checkpoints, settling."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from penstock._store import durability
from penstock._store.database import WAL_LIMIT, Database
from penstock._store.report import say
from penstock._store.rows import Rows

#: Pauses between attempts; afterwards the process gives up and its successor reads the journals.
_BACKOFF = (0.1, 0.5, 2.0, 5.0)


class Commits:
    """What the writer thread does with the database.

    Args:
        database: the open database.
        journals: where the journals are, which reach the disk before any checkpoint.
    """

    def __init__(self, database: Database, journals: Path) -> None:
        self._database = database
        self._journals = journals
        self._checkpoint_at = WAL_LIMIT

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

    def tidy(self) -> None:
        """Settle task runs and fold the log into the file, when either is due."""
        import duckdb

        try:
            self._database.settle()
        except duckdb.Error as error:
            say(f"could not settle task runs: {error}")
            self._reopen()
        if self._database.wal_size() > self._checkpoint_at:
            with contextlib.suppress(duckdb.Error):
                self.checkpoint()
            # After a failure not again at every commit.
            self._checkpoint_at = self._database.wal_size() + WAL_LIMIT

    def checkpoint(self) -> None:
        """Fold the log into the database file, after the journals: the file must never hold more than they do.

        Raises:
            duckdb.Error: it could not be done; everything is where it was.
        """
        import duckdb

        durability.sync_journals(self._journals)
        try:
            self._database.checkpoint()
        except duckdb.Error:
            # A full disk invalidates the whole instance: nobody could even read.
            say("could not write a checkpoint")
            self._reopen()
            raise

    def compact(self) -> None:
        """Write the database file anew without its holes."""
        durability.sync_journals(self._journals)
        self._database.compact()

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
        found = self._database.read("SELECT max(last_seq) FROM raw.batch WHERE client = ?", [client])
        return bool(found[0][0] is not None and found[0][0] >= last)
