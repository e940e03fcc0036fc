"""Shipping a journal to a real store that does not take it."""

from __future__ import annotations

import logging
import threading
import time

from penstock._ids import now_us
from penstock._journal.line import encode
from penstock._link.client import store
from penstock._link.session import current_session


def write_as(client: str, seq: int, count: int) -> int:
    """What a process with the same name would send."""
    body = {"level": 20, "logger": "l", "message": "from the other"}
    lines = [encode(seq + n, "log", now_us(), body) for n in range(count)]
    answer = store().request("POST", "/link/ingest", raw=b"".join(lines), query={"client": client})
    return int(answer["hwm"])


def log(session, message: str) -> None:
    session.emit("log", {"level": 20, "logger": "l", "message": message})


def test_a_process_with_a_twin_stops_sending_and_says_so_once(own_home, eventually, caplog):
    session = current_session()
    log(session, "before")
    assert session.drain(20)
    known = session.journal.last_seq
    assert write_as(session.client, known + 1, 3) == known + 3
    with caplog.at_level(logging.ERROR, logger="penstock.store"):
        log(session, "after")
        began = time.monotonic()
        assert not session.drain(60)
        assert time.monotonic() - began < 50
    eventually(lambda: "penstock-sender" not in {thread.name for thread in threading.enumerate()})
    log(session, "later")
    assert not session.drain(5)
    said = [record.getMessage() for record in caplog.records if record.name == "penstock.store"]
    assert len(said) == 1
    assert "two processes write under this name" in said[0]
    assert str(session.journal.path) in said[0]
    assert b"later" in session.journal.path.read_bytes()
    found = store().request("POST", "/link/sql", {"sql": "SELECT message FROM logs ORDER BY timestamp"})
    assert [row[0] for row in found["rows"]] == ["before", *["from the other"] * 3]


def test_after_a_gap_that_sending_again_does_not_close_the_sender_takes_its_time(own_home):
    """The store asks for lines the file does not have: a copy of a workspace, or a file that was cut."""
    session = current_session()
    assert session.drain(20)
    asked = []
    request = session.store.request

    def counted(method, path, *arguments, **options):
        asked.append(path)
        return request(method, path, *arguments, **options)

    session.store.request = counted
    skipped = encode(session.journal.last_seq + 5, "log", now_us(), {"message": "too far"})
    with session.journal.path.open("ab") as file:
        file.write(skipped)
    session.hurry()
    log(session, "second")
    assert not session.drain(2)
    assert 2 <= asked.count("/link/ingest") < 40
