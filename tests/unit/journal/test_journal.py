"""The journal file of a process: contiguous, private, readable up to the tear, in order when the disk is full."""

from __future__ import annotations

import json
import linecache
import os
import stat
import sys
import threading

import pytest

from penstock._journal import writer
from penstock._journal.line import decode, encode
from penstock._journal.liveness import is_dead
from penstock._journal.reader import parse, read_all, read_chunk
from penstock._journal.writer import Journal


@pytest.fixture
def journal(tmp_path):
    made = Journal(tmp_path / "journal")
    yield made
    made.abandon()


def test_a_journal_begins_with_hello_and_ends_with_bye(journal) -> None:
    journal.emit("log", {"message": "one"}, at=7)
    journal.close()

    lines = list(read_all(journal.path))
    assert [(line.seq, line.kind) for line in lines] == [(0, "hello"), (1, "log"), (2, "bye")]
    assert (lines[1].at, lines[1].body) == (7, {"message": "one"})
    assert (lines[0].body["pid"], lines[0].body["role"]) == (os.getpid(), "driver")


def test_the_file_is_private_and_named_after_the_process(journal) -> None:
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700
    assert journal.path.name == f"{journal.client}.jsonl"
    assert journal.client.split("-")[1] == str(os.getpid())


def test_threads_write_contiguous_whole_lines(journal) -> None:
    def write(number: int) -> None:
        for n in range(200):
            journal.emit("log", {"thread": number, "n": n})

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    lines = list(read_all(journal.path))
    assert [line.seq for line in lines] == list(range(1601))
    for number in range(8):
        mine = [line.body["n"] for line in lines if line.body.get("thread") == number]
        assert mine == list(range(200))
    assert (journal.last_seq, journal.size) == (1600, journal.path.stat().st_size)


def test_a_file_cut_at_any_byte_gives_the_whole_lines_before(tmp_path) -> None:
    raws = [encode(seq, "log", seq, {"message": "x" * seq}) for seq in range(4)]
    whole = b"".join(raws)
    ends = [len(b"".join(raws[: n + 1])) for n in range(4)]
    path = tmp_path / "cut.jsonl"
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])

        found = [line.seq for line in read_all(path)]

        assert found == list(range(sum(end <= cut for end in ends)))


def test_reading_stops_at_a_damaged_line_in_the_middle(tmp_path) -> None:
    raws = [encode(seq, "log", seq, {}) for seq in range(3)]
    path = tmp_path / "damaged.jsonl"
    path.write_bytes(raws[0] + raws[1].replace(b"log", b"lag") + raws[2])

    assert [line.seq for line in read_all(path)] == [0]


def test_a_chunk_holds_whole_lines_even_longer_than_the_limit(tmp_path) -> None:
    raws = [encode(0, "log", 1, {"message": "x" * 5000}), encode(1, "log", 1, {})]
    path = tmp_path / "long.jsonl"
    path.write_bytes(b"".join(raws) + b"00000000 [2,")
    fd = os.open(path, os.O_RDONLY)
    try:
        first = read_chunk(fd, 0, limit=100)
        rest = read_chunk(fd, first.end, limit=1000)
    finally:
        os.close(fd)

    assert [line.seq for line in parse(first.data + rest.data)] == [0, 1]
    assert rest.end == len(raws[0]) + len(raws[1])


def test_the_lock_tells_the_living_from_the_dead(journal) -> None:
    assert is_dead(journal.path) is False
    journal.close()
    assert is_dead(journal.path) is True
    assert is_dead(journal.path.with_name("nobody.jsonl")) is False


def test_listeners_hear_every_event(journal) -> None:
    heard = []
    journal.listen(lambda: heard.append(journal.last_seq))

    journal.emit("log", {})
    journal.emit("log", {})

    assert heard == [1, 2]


def test_closing_twice_says_goodbye_once(journal) -> None:
    journal.close()
    journal.close()

    assert [line.kind for line in read_all(journal.path)] == ["hello", "bye"]


def test_an_event_that_cannot_be_written_leaves_no_gap(journal) -> None:
    """The sequence number was taken before the encoding failed, and the store refused everything after it."""

    class Unprintable:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    with pytest.raises((TypeError, RuntimeError)):
        journal.emit("log", {"message": Unprintable()})
    journal.emit("log", {"message": "next"})

    assert [line.seq for line in read_all(journal.path)] == [0, 1]


FULL = """
import json, resource, sys
from pathlib import Path
from penstock._journal.reader import read_all
from penstock._journal.writer import Journal

journal = Journal(Path(sys.argv[1]))
room = journal.size + 150
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
for n in range(10):
    journal.emit("log", {"n": n})
during = [line.seq for line in read_all(journal.path)]
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
journal.emit("log", {"n": 10})
after = list(read_all(journal.path))
print(json.dumps([during, [line.seq for line in after], [line.body.get("n") for line in after[1:]]]))
"""


def test_a_full_disk_loses_nothing_and_keeps_the_order(script, tmp_path) -> None:
    during, seqs, numbers = json.loads(script(FULL, str(tmp_path / "journal")).stdout)

    assert 0 < len(during) < 11
    assert during == list(range(len(during)))
    assert (seqs, numbers) == (list(range(12)), list(range(11)))


FORK = """
import json, os, sys, threading
from penstock._journal.reader import read_all
from penstock._link.session import close_sessions, current_session

session = current_session()
session.emit("log", {"flow_run_id": None, "task_run_id": None, "level": 20, "logger": "t", "message": "parent"})
stop = threading.Event()

def busy():
    while not stop.is_set():
        session.journal.emit("log", {"flow_run_id": None, "task_run_id": None, "level": 20, "logger": "t", "message": "m"})

thread = threading.Thread(target=busy)
thread.start()
children = []
for _ in range(10):
    pid = os.fork()
    if pid == 0:
        mine = current_session()
        mine.emit("log", {"flow_run_id": None, "task_run_id": None, "level": 20, "logger": "t", "message": "child"})
        seqs = [line.seq for line in read_all(mine.journal.path)]
        os._exit(0 if mine.client != session.client and seqs == [0, 1] else 1)
    children.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
stop.set()
thread.join()
close_sessions()
paths = [session.journal.path, session.workspace.archive / session.journal.path.name]
lines = list(read_all(next(path for path in paths if path.exists())))
print(json.dumps([children, [line.seq for line in lines] == list(range(len(lines))), lines[-1].kind]))
"""


def test_a_forked_child_has_a_journal_of_its_own(script, own_home) -> None:
    """A child forked while another thread was writing waited for ever for that thread's lock."""
    assert json.loads(script(FORK).stdout) == [[0] * 10, True, "bye"]


def test_a_line_decodes_to_what_the_reader_yields(journal) -> None:
    raw = journal.path.read_bytes().splitlines()[0]

    assert next(read_all(journal.path)) == decode(raw)


def interrupt_at(step: int, act) -> bool:
    """Raise KeyboardInterrupt before the given line of the writer; False when `act` has fewer lines."""
    left = [step]

    def trace(frame, event, arg):
        if frame.f_code.co_filename != writer.__file__ or frame.f_code.co_name not in (
            "emit",
            "_flush",
            "_write",
        ):
            return None
        at_lock = linecache.getline(writer.__file__, frame.f_lineno).strip().startswith("with ")
        if event == "line" and not at_lock:  # the interpreter looks for signals on neither side of a lock
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        act()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(None)
    return False


def test_an_interrupt_at_any_step_leaves_no_gap_and_no_double(tmp_path) -> None:
    """Ctrl-C between numbering a line and writing it left a gap, and the store took nothing more."""
    step, interrupted = 1, True
    while interrupted:
        journal = Journal(tmp_path / str(step))
        journal.emit("log", {"n": "before"})
        interrupted = interrupt_at(step, lambda made=journal: made.emit("log", {"n": "interrupted"}))
        journal.emit("log", {"n": "after"})
        journal.abandon()

        lines = list(read_all(journal.path))
        assert [line.seq for line in lines] == list(range(len(lines)))
        names = [line.body["n"] for line in lines[1:]]
        assert names in (["before", "after"], ["before", "interrupted", "after"])
        assert (journal.last_seq, journal.size) == (len(lines) - 1, journal.path.stat().st_size)
        step += 1
    assert step > 10
