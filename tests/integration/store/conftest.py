"""An independent client of the store for its tests: `http.client` over the Unix socket, nothing of ours."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

import pytest

import penstock._workspace

DEADLINE = 60.0


def eventually(check, deadline=DEADLINE):
    """Return the first true answer of `check`; fail when there is none in time."""
    end = time.monotonic() + deadline
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not true within {deadline} s: {check}")
        time.sleep(0.01)


class Reply:
    def __init__(self, status, raw, headers):
        self.status, self.raw, self.headers = status, raw, headers

    @property
    def json(self):
        return json.loads(self.raw)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=30):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class StoreProcess:
    """A real store process in a private workspace."""

    def __init__(self, home: Path, **env: str) -> None:
        self.home = home
        source = str(Path(penstock._workspace.__file__).parents[1])
        self.env = {**os.environ, "PENSTOCK_HOME": str(home), "PYTHONPATH": source, **env}
        self.processes: list[subprocess.Popen[bytes]] = []

    def spawn(self, *options: str) -> subprocess.Popen[bytes]:
        log = (self.home / "store.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "penstock._store", "--home", str(self.home), *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            env=self.env,
        )
        log.close()
        self.processes.append(process)
        return process

    def start(self, *options: str) -> StoreProcess:
        process = self.spawn(*options)
        eventually(lambda: self.answers(process))
        return self

    def answers(self, process=None) -> bool:
        if process is not None and process.poll() is not None:
            raise AssertionError(f"the store ended with {process.returncode}: {self.log()}")
        try:
            return self.get("/api/health").status == 200
        except (OSError, KeyError, ValueError, http.client.HTTPException):
            return False

    @property
    def endpoint(self) -> dict:
        return json.loads((self.home / "endpoint.json").read_text())

    def log(self) -> str:
        return (self.home / "store.log").read_text()

    def request(self, method, path, body=None, *, raw=None, headers=None, timeout=30, tcp=False):
        about = self.endpoint
        sent = {"Authorization": f"Bearer {about['token']}", "Content-Type": "application/json"}
        sent.update(headers or {})
        sent = {name: value for name, value in sent.items() if value is not None}
        data = raw if raw is not None else (json.dumps(body) if body is not None else None)
        if tcp:
            connection = http.client.HTTPConnection("127.0.0.1", about["tcp_port"], timeout=timeout)
        else:
            connection = UnixConnection(about["socket"], timeout)
        with contextlib.closing(connection):
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            return Reply(answer.status, answer.read(), dict(answer.getheaders()))

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, body=None, **options):
        return self.request("POST", path, {} if body is None else body, **options)

    def ingest(self, client, lines, **options):
        return self.post(f"/link/ingest?{urlencode({'client': client})}", raw=b"".join(lines), **options)

    def sql(self, text, **options):
        reply = self.post("/link/sql", {"sql": text, **options})
        assert reply.status == 200, reply.raw
        return reply.json["rows"]

    def create(self, state="PENDING", client=None, flow_name="demo", **run):
        body = {"id": str(uuid4()), "flow_name": flow_name, "client": client, **run}
        reply = self.post("/link/flow_runs", {"run": body, "state": {"type": state}})
        assert reply.status == 201, reply.raw
        return reply.json["run"]["id"]

    def propose(self, run_id, type, **more):
        state = {"type": type, **{k: more.pop(k) for k in ("name", "state_details", "id") if k in more}}
        reply = self.post(f"/link/flow_runs/{run_id}/propose", {"state": state, **more})
        assert reply.status == 200, reply.raw
        return reply.json

    def kill(self, number=signal.SIGKILL):
        process = self.processes[-1]
        process.send_signal(number)
        return process.wait(DEADLINE)

    def stop(self):
        """Stop in good order and return the exit code."""
        return self.kill(signal.SIGTERM)

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait(DEADLINE)


@pytest.fixture
def home():
    """A short private folder: Unix socket paths are limited."""
    path = Path(tempfile.mkdtemp(prefix="pst-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def cold(home):
    """A store that is not started yet; whatever is started is gone afterwards."""
    process = StoreProcess(home)
    yield process
    process.close()


@pytest.fixture(scope="module")
def shared():
    """One running store for all tests of a module that leave it as they found it."""
    path = Path(tempfile.mkdtemp(prefix="pst-"))
    process = StoreProcess(path).start()
    yield process
    process.close()
    shutil.rmtree(path)


@pytest.fixture
def store(cold):
    """A running store."""
    return cold.start()


class ClientProcess:
    """A real process with a journal of its own, driven over its standard input."""

    def __init__(self, store: StoreProcess) -> None:
        script = Path(__file__).with_name("client_process.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(store.home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=store.env,
            text=True,
        )
        self.name = self.process.stdout.readline().strip()
        assert self.name, "the client process did not start"

    def order(self, text: str) -> int:
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def kill(self) -> None:
        self.process.kill()
        self.close()

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(DEADLINE)
        self.process.stdout.close()


@pytest.fixture
def client(store):
    """A living client of the running store."""
    process = ClientProcess(store)
    yield process
    if process.process.poll() is None:
        process.kill()
