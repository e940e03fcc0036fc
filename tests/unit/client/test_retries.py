"""SDK section 47: when requests are tried again."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime

import httpx
import pytest

from penstock.client.orchestration import get_client
from penstock.client.retry import Attempts, seconds_of
from penstock.exceptions import PenstockHTTPStatusError

NOW = {"Retry-After": "0"}


def ask(server, method="GET", path="/hello"):
    """Ask with the blocking client, then with the other one."""
    script = list(server.script)
    with get_client(sync_client=True) as client:
        first = client.request(method, path).json()

    async def again():
        async with get_client() as client:
            return (await client.request(method, path)).json()

    server.script = script
    assert asyncio.run(again()) == first
    return first


@pytest.mark.parametrize("status", [429, 502, 503])
def test_these_statuses_are_tried_again(server, status):
    server.script = [(status, {}, NOW), (status, {}, NOW), (200, "hi")]
    assert ask(server) == "hi"
    assert len(server.asked) == 6


def test_a_retry_after_header_beats_our_own_backoff():
    """(c) 1: also when it is shorter; it is spread upwards only."""
    attempts = Attempts(5, rng=random.Random(1))
    waits = [attempts.wait_after(429, "10") for _ in range(4)]
    assert all(10 <= wait <= 12 for wait in waits)
    assert len(set(waits)) == 4
    assert Attempts(5, jitter=0).wait_after(503, "0.25") == 0.25
    assert Attempts(5, jitter=0).wait_after(503, "nonsense") == 1.0


def test_a_retry_after_header_may_be_a_date():
    now = datetime(2030, 1, 1, tzinfo=UTC)
    assert seconds_of("Tue, 01 Jan 2030 00:00:30 GMT", now) == 30
    assert seconds_of("Mon, 31 Dec 2029 00:00:00 GMT", now) == 0
    assert (seconds_of("soon"), seconds_of(None), seconds_of("-3")) == (None, None, 0)


def test_waits_double_and_are_spread_both_ways():
    plain, spread = Attempts(9, jitter=0), Attempts(1000, rng=random.Random(2))
    assert [plain.wait_after(503) for _ in range(9)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert plain.wait_after(503) is None
    late = [spread.wait_after(None) for _ in range(200)][10:]
    assert 48 <= min(late) < 60 < max(late) <= 72


def test_extra_codes_are_retried_even_for_requests_that_make_something(server, monkeypatch):
    """(c) 2: a lost answer replays the creation; nothing is retried on 500 unless it was asked for."""
    server.script = [(500, {}, NOW), (200, "made")]
    with get_client(sync_client=True) as client, pytest.raises(PenstockHTTPStatusError):
        client.request("POST", "/flows/", json={"name": "x"})
    assert len(server.asked) == 1
    monkeypatch.setenv("PENSTOCK_CLIENT_RETRY_EXTRA_CODES", "500,504")
    server.script, server.asked = [(500, {}, NOW), (504, {}, NOW), (200, "made")], []
    with get_client(sync_client=True) as client:
        assert client.request("POST", "/flows/", json={"name": "x"}).json() == "made"
    assert [(method, body) for method, _, _, body in server.asked] == [("POST", b'{"name":"x"}')] * 3


def test_no_retries_means_none(server, monkeypatch):
    """(c) 3: neither for statuses nor for broken connections."""
    monkeypatch.setenv("PENSTOCK_CLIENT_MAX_RETRIES", "0")
    for step, error in (((503, {}, NOW), PenstockHTTPStatusError), ("drop", httpx.RemoteProtocolError)):
        server.script, server.asked = [step, (200, "hi")], []
        with get_client(sync_client=True) as client, pytest.raises(error):
            client.request("GET", "/hello")
        assert len(server.asked) == 1


def test_the_always_retried_statuses_cannot_be_taken_away(server, monkeypatch):
    """(c) 4: settings add statuses, they do not replace these."""
    monkeypatch.setenv("PENSTOCK_CLIENT_RETRY_EXTRA_CODES", "418")
    server.script = [(code, {}, NOW) for code in (418, 429, 502, 503)] + [(200, "hi")]
    assert ask(server) == "hi"


def test_after_the_last_attempt_the_refusal_is_raised(server, monkeypatch):
    monkeypatch.setenv("PENSTOCK_CLIENT_MAX_RETRIES", "2")
    server.default = (503, {"detail": "too busy"}, NOW)
    with get_client(sync_client=True) as client, pytest.raises(PenstockHTTPStatusError, match="too busy"):
        client.request("GET", "/hello")
    assert len(server.asked) == 3


@pytest.mark.parametrize("status", [400, 401, 404, 409, 418, 422, 423, 500])
def test_other_statuses_are_not_tried_again(server, status):
    server.script = [(status, {}, NOW), (200, "hi")]
    with get_client(sync_client=True) as client, pytest.raises(PenstockHTTPStatusError):
        client.request("GET", "/hello")
    assert len(server.asked) == 1


def test_a_broken_connection_is_tried_again(server, monkeypatch):
    monkeypatch.setattr("penstock.client.retry.LONGEST", 0.01)
    server.script = ["drop", (200, "hi")]
    assert ask(server) == "hi"
