"""S11: what a page, or another user of this machine, can use up of a store: nothing that its owner needs."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import socket
import time

import pytest

from .conftest import eventually

ENOUGH = 300


def dial(store):
    return socket.create_connection(("127.0.0.1", store.endpoint["tcp_port"]), timeout=20)


def closed(sock):
    """True once the other side has closed."""
    sock.settimeout(20)
    try:
        return sock.recv(1) == b""
    except ConnectionError:
        return True


def test_connections_over_tcp_are_limited_and_the_owner_is_served(store):
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(dial(store)) for _ in range(ENOUGH)]
        assert closed(socks[-1])
        began = time.monotonic()
        assert store.post("/api/flows/filter").status == 200
        assert store.create()
        assert time.monotonic() - began < 4
        assert closed(socks[0])
    eventually(lambda: store.get("/api/health", tcp=True).status == 200)


def test_a_head_that_never_ends_is_cut_off_also_the_second_one(shared):
    with dial(shared) as silent, dial(shared) as slow, dial(shared) as second:
        second.sendall(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        while not answer.endswith(b"true"):
            answer += second.recv(1000)
        began = time.monotonic()
        slow.sendall(b"GET /api/health HTTP/1.1\r\nHost: loc")
        second.sendall(b"GET /api/he")
        assert closed(silent)
        assert closed(slow)
        assert closed(second)
        assert 3 < time.monotonic() - began < 12


def test_a_long_poll_is_not_cut_off(shared):
    run = shared.create("RUNNING")
    connection = http.client.HTTPConnection("127.0.0.1", shared.endpoint["tcp_port"], timeout=20)
    with contextlib.closing(connection):
        headers = {"Authorization": f"Bearer {shared.endpoint['token']}"}
        state = shared.get(f"/api/flow_runs/{run}").json["state"]["id"]
        connection.request("GET", f"/link/flow_runs/{run}/wait?timeout=6&after={state}", headers=headers)
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["state"]["type"]) == (200, "RUNNING")


BODIES = {
    "deeply nested": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "nested lists": b"[" * 100_000,
    "not JSON": b"\xff\xfe\x00",
    "a lone surrogate": b'{"sql": "\\ud800"}',
    "NUL": b'{"sql": "\\u0000"}',
    "a huge number": b'{"limit": ' + b"9" * 5000 + b"}",
    "a bomb": gzip.compress(b"0" * (20 << 20)),
    "a list": b"[]",
    "a string": b'"x"',
    "nothing": b"",
}


@pytest.mark.parametrize("name", BODIES)
def test_odd_bodies_are_refused_and_do_no_harm(shared, name):
    for path in ("/api/flow_runs/filter", "/api/flows/", "/link/sql", "/link/flow_runs", "/link/adopt"):
        reply = shared.request("POST", path, raw=BODIES[name], headers={"Content-Encoding": "gzip"}, tcp=True)
        assert 200 <= reply.status < 500, (path, reply.raw)
    assert shared.get("/api/health").status == 200


def test_a_request_cannot_be_smuggled_behind_another(shared):
    with dial(shared) as sock:
        sock.sendall(
            b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"0\r\n\r\nGET /api/version HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        while part := sock.recv(4096):
            answer += part
    assert b'"0.' not in answer
