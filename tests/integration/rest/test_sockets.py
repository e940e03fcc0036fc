"""Live streams of a real store process, with an independent websocket client."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from ..store.conftest import StoreProcess, eventually  # noqa: TID252  # a sibling, not a package

SECRET = "admin:pass"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    home = tmp_path_factory.mktemp("sockets")
    home.chmod(0o700)
    on = {"PENSTOCK_SERVER_LOGS_STREAM_OUT_ENABLED": "1", "PENSTOCK_SERVER_API_AUTH_STRING": SECRET}
    process = StoreProcess(home, **on).start()
    yield process
    process.close()


def dial(store, path, subprotocols=("prefect",), **options):
    url = f"ws://127.0.0.1:{store.endpoint['tcp_port']}{path}"
    return connect(url, subprotocols=subprotocols, open_timeout=20, **options)


def say(socket, **message):
    socket.send(json.dumps(message))


def hear(socket):
    return json.loads(socket.recv(timeout=20))


@contextmanager
def opened(store, path, token=None):
    with dial(store, path) as socket:
        say(socket, type="auth", token=token or store.endpoint["token"])
        assert hear(socket) == {"type": "auth_success"}
        yield socket


def event(name, resource="r.1", age=0):
    when = (datetime.now(UTC) - timedelta(seconds=age)).isoformat()
    return {
        "id": str(uuid4()),
        "occurred": when,
        "event": name,
        "resource": {"prefect.resource.id": resource},
    }


def code_of(socket):
    with pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=20)
    return closed.value.rcvd.code


@pytest.mark.parametrize("path", ["/api/events/in", "/api/events/out", "/api/logs/out"])
def test_nobody_is_heard_before_saying_who_it_is(store, path):
    for first in (
        {"type": "auth", "token": "wrong"},
        {"type": "auth"},
        {"type": "filter"},
        [],
        {"type": "auth", "token": None},
    ):
        with dial(store, path) as socket:
            socket.send(json.dumps(first))
            assert code_of(socket) == 1008
    with dial(store, path) as socket:
        socket.send("not json")
        assert code_of(socket) == 1003
    with pytest.raises(InvalidStatus), dial(store, path, ["graphql"]):
        pass
    with opened(store, path, SECRET):
        pass


def test_pages_of_other_origins_and_other_paths_get_no_socket(store):
    with pytest.raises(InvalidStatus), dial(store, "/api/events/out", origin="https://evil.example"):
        pass
    with pytest.raises(InvalidStatus), dial(store, "/api/nothing"):
        pass


def test_events_sent_in_come_out_once_by_filter(store):
    with opened(store, "/api/events/in") as inward, opened(store, "/api/events/out") as outward:
        old = event("mine.old", age=60)
        say(inward, **old)
        wanted = {"event": {"prefix": ["mine."]}, "occurred": {"since": "2020-01-01T00:00:00Z"}}
        assert store.get("/api/ready").status == 200
        found = lambda: store.post("/api/events/filter", {"filter": wanted}).json["total"]  # noqa: E731
        eventually(found)
        say(outward, type="filter", filter=wanted, backfill=True)
        first = hear(outward)
        assert (first["type"], first["event"]["id"]) == ("event", old["id"])
        say(inward, **old)
        say(inward, **event("other.new"))
        new = event("mine.new")
        say(inward, **new)
        assert hear(outward)["event"]["id"] == new["id"]


def test_states_of_runs_are_streamed_as_they_happen(store):
    with opened(store, "/api/events/out") as socket:
        name = f"prefect.flow-run.{uuid4()}"
        say(socket, type="filter", filter={"event": {"prefix": ["prefect.flow-run."]}}, backfill=False)
        mark = event(name)

        def is_listening():
            store.post("/api/events", [{**mark, "id": str(uuid4())}])
            try:
                return json.loads(socket.recv(timeout=0.2))["event"]["event"] == name
            except TimeoutError:
                return False

        eventually(is_listening)
        run = store.create("RUNNING")
        heard = hear(socket)["event"]
        while heard["event"] == name:
            heard = hear(socket)["event"]
        assert heard["event"] == "prefect.flow-run.Running"
        assert heard["resource"]["prefect.resource.id"] == f"prefect.flow-run.{run}"


def test_logs_are_streamed_live_only(store):
    """Server section 25: same handshake, no past."""
    run = store.create("RUNNING")

    def line(message):
        body = {"name": "l", "level": 20, "message": message, "timestamp": datetime.now(UTC).isoformat()}
        store.post("/api/logs/", [{**body, "flow_run_id": run}])

    line("before")
    with opened(store, "/api/logs/out") as socket:
        say(socket, type="filter", filter={"flow_run_id": {"any_": [run]}})
        heard = []

        def is_heard():
            line("after")
            try:
                heard.append(json.loads(socket.recv(timeout=0.2)))
            except TimeoutError:
                return False
            return True

        eventually(is_heard)
        assert {one["log"]["message"] for one in heard} == {"after"}
        assert heard[0]["type"] == "log"


@pytest.mark.parametrize("message", [{"type": "filter", "filter": {"colour": 1}}, {"type": "hello"}, [1]])
def test_what_is_no_filter_ends_the_stream(store, message):
    for path in ("/api/events/out", "/api/logs/out"):
        with opened(store, path) as socket:
            socket.send(json.dumps(message))
            assert code_of(socket) == 1002


@pytest.mark.parametrize(
    ("message", "code"), [('{"event": "x"}', 1002), ("{", 1003), ("[]", 1002), ('"\\u0000"', 1002)]
)
def test_what_is_no_event_ends_the_stream(store, message, code):
    with opened(store, "/api/events/in") as socket:
        socket.send(message)
        assert code_of(socket) == code
    assert store.get("/api/ready").status == 200


def test_a_stream_that_is_turned_off_is_not_served(cold_store):
    with pytest.raises(InvalidStatus), dial(cold_store, "/api/logs/out"):
        pass


@pytest.fixture
def cold_store(tmp_path):
    tmp_path.chmod(0o700)
    process = StoreProcess(tmp_path).start()
    yield process
    process.close()
