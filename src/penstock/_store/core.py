"""The writer: one thread that decides, journals, commits and then answers.

Requests queue up; the thread takes all that wait, works them off against memory and commits their rows in one
transaction. Nobody is answered before that commit. Decisions of the store are lines in its own journal before
they are rows, so a database that is lost can be rebuilt.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from penstock._crashpoints import crashpoint
from penstock._ids import now_us
from penstock._journal.line import Line, TornLine
from penstock._journal.reader import parse, read_all
from penstock._journal.writer import Journal
from penstock._store import changes, slot_decisions, snapshots
from penstock._store.background import Background
from penstock._store.commits import Commits
from penstock._store.database import Database
from penstock._store.documents import Documents, channels
from penstock._store.feed import Feed
from penstock._store.live import LiveRun, load, state_from_line, unfinished
from penstock._store.report import say
from penstock._store.rows import Rows, add_rows, uuid_text
from penstock._store.slots import KINDS as SLOT_KINDS
from penstock._store.slots import Slots
from penstock._store.twins import Twins
from penstock._values.states import TERMINAL, StateType
from penstock._workspace import LIMITED_TAGS

T = TypeVar("T")
#: Ended runs kept in memory before they are forgotten.
_REMEMBERED = 2000
#: Requests that share one commit at most.
_GROUP = 256
#: Kinds of lines of which the newest counts, and the tables they go to.
_NEWEST_COUNTS = frozenset({"variable", "input", "input_deleted", "renamed", "changed"})
_NEWEST = "SELECT coalesce(max(at_us), 0) FROM (" + " UNION ALL ".join(
    f"SELECT max(at_us) AS at_us FROM raw.{table}" for table in ("variable", "input", "renamed", "changed")
) + ")"  # fmt: skip


class Refused(Exception):
    """A request that changes nothing. `status` is the HTTP status, `body` the answer."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


class Command:
    """One thing for the writer to do, and where its answer goes."""

    __slots__ = ("do", "future", "value")

    def __init__(self, do: Callable[[Core], Any]) -> None:
        self.do = do
        self.future: Future[Any] = Future()
        self.value: Any = None


class Core:
    """The writer thread and what it remembers. Attributes are for functions that run on that thread."""

    def __init__(self, database: Database, journal: Journal, journals: Path) -> None:
        self.database = database
        self.journal = journal
        self.journals = journals
        self.hwm: dict[str, int] = {}
        self.runs: dict[str, LiveRun] = {}
        self.flow_ids: dict[str, str] = {}
        self.background = Background()
        self.commits = Commits(database, journals)
        self.documents = Documents()
        #: When somebody last asked for the runs of a deployment; forgotten at the end of the process.
        self.polled: dict[str, datetime] = {}
        #: Journal lines that are in the database.
        self.lines = 0
        self._twins = Twins()
        self._newest = 0
        self._queue: SimpleQueue[Command | None] = SimpleQueue()
        self._rows: Rows = {}
        #: What was decided since the last commit and the database cannot know yet, by kind and key.
        self.fresh: dict[tuple[str, str], Any] = {}
        self.feed = Feed()
        self.slots = Slots(journals.parent / LIMITED_TAGS)
        self._touched: set[str] = set()
        self._watchers: dict[str, set[Callable[[], None]]] = {}
        self._watch_lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="penstock-writer", daemon=True)
        self.on_death: Callable[[], None] = lambda: None
        self._load()

    def start(self) -> None:
        """Begin to work. The lines its own journal already has are taken in first."""
        self._thread.start()
        lines = list(read_all(self.journal.path))
        self.call(lambda core: core.take(core.journal.client, lines)).result()
        recovery, self.database.recovery = self.database.recovery, None
        if recovery is not None:
            self.call(lambda core: core.emit("event", recovery.event())).result()

    def stop(self) -> None:
        """Work off what waits, then end the thread."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
        self.wake_all()

    def call(self, do: Callable[[Core], T]) -> Future[T]:
        """Run `do` on the writer thread; the future is answered after the commit."""
        command = Command(do)
        self._queue.put(command)
        return command.future

    def ingest(self, client: str, data: bytes) -> Future[int]:
        """Take raw journal lines of a client; answers with its new high-water mark.

        Raises:
            Refused: (in the future) 409 on a gap, 400 when the first line is damaged.
        """
        return self.call(lambda core: core.take_raw(client, data))

    # ---- watching runs ------------------------------------------------------------------------------------

    def watch(self, name: str, wake: Callable[[], None]) -> None:
        """Call `wake` after each commit that changed the run `name` or began to cancel a run of client `name`."""
        with self._watch_lock:
            self._watchers.setdefault(name, set()).add(wake)

    def unwatch(self, name: str, wake: Callable[[], None]) -> None:
        """Stop calling `wake`."""
        with self._watch_lock:
            watchers = self._watchers.get(name, set())
            watchers.discard(wake)
            if not watchers:
                self._watchers.pop(name, None)

    def touch(self, name: str) -> None:
        """Wake those who watch `name` after the next commit."""
        self._touched.add(name)

    def wake_all(self) -> None:
        """Wake everybody, because the store stops."""
        with self._watch_lock:
            waiting = [wake for watchers in self._watchers.values() for wake in watchers]
        for wake in waiting:
            wake()

    # ---- on the writer thread -----------------------------------------------------------------------------

    def take_raw(self, client: str, data: bytes) -> int:
        """Parse lines up to the first damaged one, and take them."""
        lines: list[Line] = []
        try:
            lines.extend(parse(data))
        except TornLine as error:
            raise Refused(400, {"hwm": self.hwm.get(client, -1), "exception_message": str(error)}) from error
        return self.take(client, lines)

    def take(self, client: str, lines: list[Line]) -> int:
        """Add the rows of lines above the client's mark and return the new mark."""
        mark = self.hwm.get(client, -1)
        stranger = self._twins.stranger(client, lines, mark) if lines and lines[0].seq <= mark else None
        if stranger is not None:
            reason = f"Line {stranger.seq} of {client} is another one: two processes write under this name."
            say(reason)
            raise Refused(422, {"hwm": mark, "exception_message": reason})
        fresh = [line for line in lines if line.seq > mark]
        expected = mark + 1
        for line in fresh:
            if line.seq != expected:
                reason = f"Expected line {expected} of {client}, got {line.seq}."
                raise Refused(409, {"hwm": mark, "exception_message": reason})
            expected += 1
        for line in fresh:
            self._take_line(client, line)
        if fresh:
            last = fresh[-1].seq
            self._rows.setdefault("batch", []).append((client, fresh[0].seq, last, now_us()))
            self.hwm[client] = last
            self.lines += len(fresh)
            self._twins.add(client, fresh)
            crashpoint("core.taken")
        return self.hwm.get(client, -1)

    def emit(self, kind: str, body: dict[str, Any], at: int | None = None) -> None:
        """Journal a decision of the store and add its rows."""
        when = now_us() if at is None else at
        if kind in _NEWEST_COUNTS:
            # A clock that was set back must not make the older value the newer one.
            self._newest = when = max(when, self._newest + 1)
        crashpoint("core.decided")
        seq = self.journal.emit(kind, body, when)
        crashpoint("core.journalled")
        self.take(self.journal.client, [Line(seq, kind, when, body)])

    def find(self, run_id: str) -> LiveRun | None:
        """Return a flow run from memory or the database, None when there is none."""
        if run_id not in self.runs and ("gone", run_id) not in self.fresh:
            try:
                self.runs.update(load(self.database, [uuid_text(run_id)]))
            except ValueError:
                return None
        return self.runs.get(run_id)

    def run(self, run_id: str) -> LiveRun:
        """Return a flow run.

        Raises:
            Refused: 404, there is none with this id.
        """
        run = self.find(run_id)
        if run is None:
            raise Refused(404, {"exception_message": f"There is no flow run with id {run_id}."})
        return run

    def forget(self, run_id: str) -> None:
        """Drop a flow run that was deleted; whoever waits for it is told."""
        self.runs.pop(run_id, None)
        self.fresh["gone", run_id] = True
        self._touched.add(run_id)

    def cancelling(self, client: str) -> list[str]:
        """Return the flow runs of a client that somebody asked to cancel and that have not ended."""
        return [
            run.id
            for run in self.runs.values()
            if run.owner == client and run.state is not None and run.state.type is StateType.CANCELLING
        ]

    def _take_line(self, client: str, line: Line) -> None:
        self.feed.take(client, line)
        if add_rows(client, line, self._rows):
            try:
                self._remember(line)
            except (ValueError, KeyError, TypeError, Refused) as error:
                say(f"line {line.seq} of {client} is kept but not applied: {error!r}")

    def _remember(self, line: Line) -> None:
        """Keep memory in step with a line that concerns a flow run, whoever wrote it."""
        body = line.body
        if line.kind == "flow":
            self.flow_ids.setdefault(str(body["name"]), str(body["id"]))
        elif line.kind == "flow_run":
            run_id = str(body["id"])
            if body.get("adopted"):
                self.run(run_id).adopt(body.get("client"))
            elif run_id not in self.runs:
                self.runs[run_id] = LiveRun(run_id, body, line.at, body.get("client"))
        elif line.kind == "state" and body["run"] == "flow":
            run = self.run(str(body["id"]))
            run.enter(state_from_line(body, line.at), body.get("run_count"))
            self._touched.add(run.id)
            if run.owner is not None and run.state is not None and run.state.type is StateType.CANCELLING:
                self._touched.add(run.owner)
            is_scheduled = run.state is not None and run.state.type is StateType.SCHEDULED
            self._touched.update(channels(run.body, scheduled=is_scheduled))
        elif line.kind == "renamed" and body["run"] == "flow":
            self.run(str(body["id"])).body["name"] = body["name"]
        elif line.kind == "input":
            self.run(str(body["flow_run_id"])).inputs[body["key"]] = body["value"]
        elif line.kind == "input_deleted":
            self.run(str(body["flow_run_id"])).inputs.pop(body["key"], None)
        elif line.kind in ("changed", "deleted"):
            changes.remember(self, line)
        elif line.kind in SLOT_KINDS:
            self.slots.remember(line)
        elif line.kind == "state" and self.slots.leases and StateType(body["type"]) in TERMINAL:
            self.slots.task_ended(str(body["id"]))
        if line.kind in ("claim", "fence", "deleted") or (line.kind == "state" and body["run"] == "task"):
            self._touched.update(self.background.take(line))
        elif line.kind == "document":
            self._touched.add(self.documents.take(line))

    def _load(self) -> None:
        self.hwm = self.database.marks()
        self.lines = snapshots.count(self.hwm)
        self._newest = int(self.database.read(_NEWEST)[0][0])
        self.flow_ids = {name: str(flow) for flow, name in self.database.read("SELECT id, name FROM flows")}
        self.runs = load(self.database, unfinished(self.database))
        self.background.load(self.database)
        self.documents.load(self.database)
        self.slots.load(self.database)

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        except BaseException:
            traceback.print_exc()
            self.on_death()

    def _turn(self) -> bool:
        """Work off what waits; False when told to stop."""
        group: list[Command] = []
        command = self._queue.get()
        going = command is not None
        while command is not None:
            self._do(command, group)
            if len(group) >= _GROUP:
                break
            try:
                command = self._queue.get_nowait()
            except Empty:
                break
            going = command is not None
        if self.slots.changed:
            slot_decisions.settle(self)
        self._commit(group)
        return going

    def _do(self, command: Command, group: list[Command]) -> None:
        try:
            command.value = command.do(self)
        except Refused as refused:
            command.future.set_exception(refused)
        except Exception as error:
            traceback.print_exc()
            command.future.set_exception(error)
        else:
            group.append(command)

    def _commit(self, group: list[Command]) -> None:
        crashpoint("core.commit")
        rows, self._rows = self._rows, {}
        touched, self._touched = self._touched, set()
        if rows:
            try:
                self.commits.write(rows)
            except BaseException as error:
                for command in group:
                    command.future.set_exception(
                        Refused(503, {"exception_message": f"The store could not write: {error}"})
                    )
                raise
        crashpoint("core.committed")
        self.fresh.clear()
        for command in group:
            command.future.set_result(command.value)
        crashpoint("core.answered")
        self.feed.publish()
        with self._watch_lock:
            waiting = [wake for name in touched for wake in self._watchers.get(name, ())]
        for wake in waiting:
            wake()
        self._tidy()

    def _tidy(self) -> None:
        self.commits.tidy()
        if len(self.runs) > _REMEMBERED:
            ended = [run.id for run in self.runs.values() if run.state is not None and run.state.is_final()]
            for run_id in ended[: _REMEMBERED // 2]:
                del self.runs[run_id]
