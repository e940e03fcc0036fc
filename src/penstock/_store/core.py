"""The writer: one thread that decides, journals and answers; a second one brings the rows into the database.

Requests queue up; the thread takes all that wait, works them off against memory and hands their rows on
(`commits.py`). Decisions of the store are lines in its own journal before they are rows. Once that journal is on the
disk they hold, whatever happens, so who asked for one is answered then: a commit costs several times as much, and
those of others would have to be waited for. What a client sent is acknowledged after its commit. Whoever reads the
database sees what was answered (`Database.reading` waits for it).
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from penstock._crashpoints import crashpoint
from penstock._ids import now_us
from penstock._journal.line import Line
from penstock._journal.reader import read_all
from penstock._journal.writer import Journal
from penstock._store import changes, slot_decisions, snapshots
from penstock._store.background import Background
from penstock._store.commits import Bundle, Commits
from penstock._store.database import Database
from penstock._store.documents import Documents, channels
from penstock._store.feed import Feed
from penstock._store.live import LiveRun, load, state_from_line, unfinished
from penstock._store.report import say
from penstock._store.requests import Command
from penstock._store.requests import Refused as Refused
from penstock._store.rows import Rows, add_all, uuid_text
from penstock._store.slots import KINDS as SLOT_KINDS
from penstock._store.slots import Slots
from penstock._store.taken import Taken, read_lines
from penstock._store.twins import Twins
from penstock._store.watching import Watching
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
        self.feed = Feed()
        self.watching = Watching()
        self.commits = Commits(database, journals, self.feed, self.watching)
        self.documents = Documents()
        #: When somebody last asked for the runs of a deployment; forgotten at the end of the process.
        self.polled: dict[str, datetime] = {}
        #: Journal lines that are in the database.
        self.lines = 0
        self._twins = Twins()
        self._newest = 0
        #: No flow run with a higher id is in the database without being in memory.
        self._forgotten = ""
        #: For lines that come in great numbers. Their own, since queries may keep other threads busy for minutes.
        self.line_readers = ThreadPoolExecutor(2, "penstock-lines")
        self._queue: SimpleQueue[Command | None] = SimpleQueue()
        self._rows: Rows = {}
        #: True once lines of a client are among the rows; those of our own journal are `_decided`.
        self._sent = self._decided = False
        #: What was decided in this turn and the database cannot know yet, by kind and key.
        self.fresh: dict[tuple[str, str], Any] = {}
        self.slots = Slots(journals.parent / LIMITED_TAGS)
        self._touched: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="penstock-writer", daemon=True)
        self.on_death: Callable[[], None] = lambda: None
        self._load()

    def start(self) -> None:
        """Begin to work. The lines its own journal already has are taken in first."""
        self.commits.start(self._died)
        self._thread.start()
        lines = list(read_all(self.journal.path))
        self.call(lambda core: core.take(core.journal.client, lines)).result()
        recovery, self.database.recovery = self.database.recovery, None
        if recovery is not None:
            self.call(lambda core: core.emit("event", recovery.event())).result()

    def stop(self) -> None:
        """Work off what waits, then end the threads."""
        self.line_readers.shutdown()
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
        self.commits.stop()
        self.watching.wake_all()

    def call(self, do: Callable[[Core], T]) -> Future[T]:
        """Run `do` on the writer thread; the future is answered once what it did is safe."""
        command = Command(do)
        self._queue.put(command)
        return command.future

    def ingest(self, client: str, data: bytes) -> Future[int]:
        """Take raw journal lines of a client; answers with its new high-water mark.

        Raises:
            Refused: (in the future) 409 on a gap, 400 when a line is damaged.
        """
        try:
            taken = Taken(client, read_lines(data, self.hwm.get(client, -1)))
        except Refused as refused:
            future: Future[int] = Future()
            future.set_exception(refused)
            return future
        return self.call(lambda core: core.take_ready(taken))

    # ---- on the writer thread -----------------------------------------------------------------------------

    def touch(self, name: str) -> None:
        """Wake those who watch `name` after this turn."""
        self._touched.add(name)

    def take(self, client: str, lines: Sequence[Line]) -> int:
        """Add the rows of lines above the client's mark and return the new mark."""
        return self.take_ready(Taken(client, lines))

    def take_ready(self, taken: Taken) -> int:
        """Do the same with lines whose rows are made.

        Raises:
            Refused: 409 lines are missing, 422 two processes write under this name.
        """
        client = taken.client
        mark = self.hwm.get(client, -1)
        if client == self.journal.client:
            self._decided = True
        else:
            self._sent = True
        repeats = taken.lines and taken.lines[0].seq <= mark
        stranger = self._twins.stranger(client, taken.lines, mark) if repeats else None
        if stranger is not None:
            reason = f"Line {stranger.seq} of {client} is another one: two processes write under this name."
            say(reason)
            raise Refused(422, {"hwm": mark, "exception_message": reason})
        taken = taken.above(mark)
        hole = taken.hole(mark)
        if hole is not None:
            reason = f"Expected line {hole[0]} of {client}, got {hole[1]}."
            raise Refused(409, {"hwm": mark, "exception_message": reason})
        if taken.lines:
            self._keep(taken)
            crashpoint("core.taken")
        return self.hwm.get(client, -1)

    def _keep(self, taken: Taken) -> None:
        client, lines = taken.client, taken.lines
        add_all(self._rows, taken.rows)
        last = lines[-1].seq
        add_all(self._rows, {"batch": [(client, lines[0].seq, last, now_us())]})
        self.hwm[client] = last
        self.lines += len(lines)
        self._twins.add(client, lines)
        self.feed.take(client, lines)
        follows_tasks = (
            self.background.runs or self.slots.leases or any(one.kind == "claim" for one in taken.notable)
        )
        for line in taken.states if follows_tasks else taken.notable:
            try:
                self._remember(line)
            except (ValueError, KeyError, TypeError, Refused) as error:
                say(f"line {line.seq} of {client} is kept but not applied: {error!r}")

    def mark(self, client: str) -> int:
        """Return a client's mark, to be told once all lines up to it are committed."""
        self._sent = True
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
        if run_id not in self.runs and run_id <= self._forgotten and ("gone", run_id) not in self.fresh:
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

    def suspended(self, client: str) -> list[str]:
        """Return the flow runs of a client that were suspended: its process has to leave them."""
        owned = [run for run in self.runs.values() if run.owner == client and run.state is not None]
        return [run.id for run in owned if run.state is not None and run.state.is_suspended()]

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
            stopped = run.state is not None and (
                run.state.type is StateType.CANCELLING or run.state.is_suspended()
            )
            if run.owner is not None and stopped:
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
        self._forgotten = str(self.database.read("SELECT max(id) FROM raw.flow_run")[0][0] or "")
        self.background.load(self.database)
        self.documents.load(self.database)
        self.slots.load(self.database)

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        except BaseException:
            traceback.print_exc()
            self._died()

    def _died(self) -> None:
        self.on_death()

    def _turn(self) -> bool:
        """Work off what waits; False when told to stop."""
        done: list[Command] = []
        command = self._queue.get()
        going = command is not None
        while command is not None:
            self._do(command, done)
            if len(done) >= _GROUP:
                break
            try:
                command = self._queue.get_nowait()
            except Empty:
                break
            going = command is not None
        if self.slots.changed:
            slot_decisions.settle(self)
        self._pass_on(done)
        return going

    def _do(self, command: Command, done: list[Command]) -> None:
        if not command.future.set_running_or_notify_cancel():
            return
        self._sent = False
        try:
            command.value = command.do(self)
        except Refused as refused:
            command.future.set_exception(refused)
        except Exception as error:
            traceback.print_exc()
            command.future.set_exception(error)
        else:
            command.sent = self._sent
            done.append(command)

    def _pass_on(self, done: list[Command]) -> None:
        """Hand this turn's rows to be committed, and answer those whose answer is safe already."""
        crashpoint("core.commit")
        rows, self._rows = self._rows, {}
        touched, self._touched = self._touched, set()
        decided, self._decided = self._decided, False
        safe = not decided or self.journal.sync()
        waiting = [command for command in done if command.sent or not safe]
        early = frozenset() if waiting else touched
        self.commits.put(Bundle(rows, waiting, touched - early, self.feed.collect()), promised=decided)
        self.fresh.clear()
        for command in done:
            if safe and not command.sent:
                command.future.set_result(command.value)
        crashpoint("core.answered")
        self.watching.wake(early)
        if len(self.runs) > _REMEMBERED:
            ended = [run.id for run in self.runs.values() if run.state is not None and run.state.is_final()]
            for run_id in ended[: _REMEMBERED // 2]:
                del self.runs[run_id]
                self._forgotten = max(self._forgotten, run_id)
