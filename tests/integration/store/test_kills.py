"""Random `kill -9` of the store and of clients, and requests that come twice: every event is there, once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random
from urllib.parse import urlencode
from uuid import uuid4

from .conftest import StoreProcess, UnixConnection, eventually
from .events import hello, task_lines
from .inside import whole_lines

#: Emits until it is killed; says how many lines are in its journal before it goes on.
EMITTER = """
import sys
from pathlib import Path
from penstock._link.session import Session
from penstock._workspace import Workspace

session = Session(Workspace(Path(sys.argv[1])))
print(session.client, flush=True)
number = 0
while True:
    for _ in range(50):
        number += 1
        session.emit("log", {"level": 20, "logger": "l", "message": f"line {number}"})
    session.drain(0.05)
    print(session.journal.last_seq, flush=True)
"""


class Emitter:
    def __init__(self, store: StoreProcess) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", EMITTER, str(store.home)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**store.env, "PENSTOCK_STORE_IDLE_SECONDS": "30"},
        )
        self.name = self.process.stdout.readline().decode().strip()

    def wait_for_more(self) -> int:
        return int(self.process.stdout.readline())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)
        self.process.stdout.close()


def holder(home: Path) -> int | None:
    """Pid of the store process, whoever started it."""
    try:
        return json.loads((home / "endpoint.json").read_text())["pid"]
    except (OSError, ValueError):
        return None


def test_random_kills_lose_and_double_nothing(cold, nightly):
    rng, kills = Random(1), 1000 if nightly else 50
    emitters, names = [Emitter(cold) for _ in range(2)], set()
    killed = {"store": 0, "client": 0}
    reached: dict[str, int] = {}
    try:
        while sum(killed.values()) < kills:
            for emitter in emitters:
                names.add(emitter.name)
                for _ in range(rng.randrange(1, 4)):
                    reached[emitter.name] = emitter.wait_for_more()
            if rng.random() < 0.5 and (pid := holder(cold.home)) is not None:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue  # killed before, and nobody has missed it yet
                killed["store"] += 1
            else:
                number = rng.randrange(2)
                emitters[number].kill()
                emitters[number] = Emitter(cold)
                killed["client"] += 1
    finally:
        for emitter in emitters:
            emitter.kill()
    if (pid := holder(cold.home)) is not None:
        os.kill(pid, signal.SIGKILL)
    cold.spawn()
    eventually(cold.answers)
    eventually(lambda: not [path for path in (cold.home / "journal").glob("*.jsonl") if path.stem in names])
    sql = "SELECT client, count(*), count(DISTINCT seq), max(seq) FROM raw.log GROUP BY client"
    found = {client: tuple(rest) for client, *rest in cold.sql(sql, limit=10_000)}
    # Journals that two snapshots have are removed meanwhile, so the numbers of the lines have to tell: `hello` is 0.
    for client in names:
        count, distinct, newest = found.get(client, (0, 0, 0))
        assert count == distinct == newest, client
        assert newest >= reached.get(client, 0), client
    if not nightly:
        # All journals are still there: what a killed client wrote and could not say any more is in the store, too.
        written = {client: lines for client, lines in whole_lines(cold.home).items() if client in names}
        assert set(written) == names
        for client, lines in written.items():
            assert found.get(client, (0,))[0] == sum(line.kind == "log" for line in lines), client
    assert len(found) > len(names) // 2
    assert min(killed.values()) > kills // 5
    assert sum(count for count, _, _ in found.values()) > 50 * kills


class Unsure:
    """A client whose requests may be done without the answer arriving, or be sent twice."""

    def __init__(self, store: StoreProcess, rng: Random) -> None:
        self.store, self.rng = store, rng
        self.lost = self.doubled = self.sent = 0

    def send(self, method, path, body=None, raw=None):
        self.sent += 1
        dice = self.rng.random()
        if dice < 0.1:
            self.lost += 1
            self.send_and_go(method, path, body, raw)
        elif dice < 0.2:
            self.doubled += 1
            self.store.request(method, path, body, raw=raw)
        return self.store.request(method, path, body, raw=raw)

    def send_and_go(self, method, path, body, raw):
        about = self.store.endpoint
        connection = UnixConnection(about["socket"])
        headers = {"Authorization": f"Bearer {about['token']}", "Content-Type": "application/json"}
        connection.request(method, path, raw if raw is not None else json.dumps(body), headers)
        connection.close()


def test_requests_that_come_twice_or_whose_answer_is_lost_have_their_effect_once(store, nightly):
    rng = Random(2)
    unsure = Unsure(store, rng)
    runs, lines, tasks = [], [hello()], 0
    for number in range(2000 if nightly else 80):
        run = {"id": str(uuid4()), "flow_name": f"f{number % 3}"}
        answer = unsure.send("POST", "/link/flow_runs", {"run": run, "state": {"type": "PENDING"}})
        assert answer.status in (200, 201)
        runs.append(run["id"])
        for kind in ("RUNNING", "COMPLETED"):
            state = {"state": {"type": kind, "id": str(uuid4())}}
            answer = unsure.send("POST", f"/link/flow_runs/{run['id']}/propose", state)
            assert (answer.json["status"], answer.json["state"]["type"]) == ("ACCEPT", kind)
        made, _ = task_lines(len(lines), run["id"])
        lines += made
        tasks += 1
        path = f"/link/ingest?{urlencode({'client': 'box-1-1-aa'})}"
        sent = lines if number == 0 else lines[-3 - rng.randrange(3) :]
        assert unsure.send("POST", path, raw=b"".join(sent)).json == {"hwm": len(lines) - 1}
    assert unsure.lost > 15
    assert unsure.doubled > 15
    assert store.sql("SELECT count(*), count(DISTINCT id), min(run_count), max(run_count) FROM runs") == [
        [len(runs), len(runs), 1, 1]
    ]
    assert store.sql("SELECT type, count(*) FROM raw.flow_state GROUP BY ALL ORDER BY 1") == [
        [kind, len(runs)] for kind in ("COMPLETED", "PENDING", "RUNNING")
    ]
    assert store.sql("SELECT count(*), count(DISTINCT id) FROM task_runs") == [[tasks, tasks]]
    assert store.sql("SELECT count(*) FROM raw.task_state") == [[3 * tasks]]
    assert store.sql("SELECT count(*) FROM flows") == [[3]]
