from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from penstock.client.orchestration import get_client
from penstock.exceptions import PenstockHTTPStatusError

REFUSED = (403, {"detail": "Invalid CSRF token or client identifier."})


def token(text, seconds=3600):
    until = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    return (200, {"token": text, "client": "c", "expiration": until})


@pytest.fixture
def guarded(server, monkeypatch):
    monkeypatch.setenv("PENSTOCK_CLIENT_CSRF_SUPPORT_ENABLED", "true")
    return server


def sent(server):
    return [headers.get("Prefect-Csrf-Token") for _, path, headers, _ in server.asked if "csrf" not in path]


def test_a_token_is_fetched_once_before_the_first_change(guarded):
    guarded.script = [(200, "hi"), token("t1"), (200, []), (200, [])]
    with get_client(sync_client=True) as client:
        client.hello()
        client.read_flows()
        client.read_flows()
    assert sent(guarded) == [None, "t1", "t1"]
    clients = {headers["Prefect-Csrf-Client"] for _, _, headers, body in guarded.asked if body}
    assert clients == {guarded.paths[1].partition("client=")[2]}


def test_a_refused_token_is_renewed_once(guarded, monkeypatch):
    monkeypatch.setenv("PENSTOCK_CLIENT_MAX_RETRIES", "0")
    guarded.script = [token("old"), REFUSED, token("new"), (200, [])]

    async def read():
        async with get_client() as client:
            return await client.read_flows()

    assert asyncio.run(read()) == []
    assert sent(guarded) == ["old", "new"]
    guarded.script = [token("a"), REFUSED, token("b"), REFUSED]
    with get_client(sync_client=True) as client, pytest.raises(PenstockHTTPStatusError, match="Invalid CSRF"):
        client.read_flows()


def test_an_outdated_token_is_renewed_before_it_is_sent(guarded):
    guarded.script = [token("short", 0), (200, []), token("long"), (200, [])]
    with get_client(sync_client=True) as client:
        client.read_flows()
        client.read_flows()
    assert sent(guarded) == ["short", "long"]


def test_a_server_without_csrf_is_not_asked_again(guarded):
    guarded.script = [(422, {"detail": "CSRF protection is disabled."}), (200, []), (200, [])]
    with get_client(sync_client=True) as client:
        client.read_flows()
        client.read_flows()
    assert [path.partition("?")[0] for path in guarded.paths] == [
        "/api/csrf-token",
        "/api/flows/filter",
        "/api/flows/filter",
    ]


def test_csrf_support_can_be_turned_off(server):
    server.script = [(200, [])]
    with get_client(sync_client=True) as client:
        client.read_flows()
    assert server.paths == ["/api/flows/filter"]


def test_custom_headers_are_sent_but_ours_are_not_replaced(server, monkeypatch, caplog):
    headers = '{"X-Proxy": "p", "user-agent": "me", "Prefect-Csrf-Token": "x"}'
    monkeypatch.setenv("PENSTOCK_CLIENT_CUSTOM_HEADERS", headers)
    with get_client(sync_client=True) as client:
        client.hello()
    _, _, got, _ = server.asked[0]
    assert got["X-Proxy"] == "p"
    assert "Prefect-Csrf-Token" not in got
    assert next(value for name, value in got.items() if name.lower() == "user-agent") != "me"
    assert sum("is ignored" in record.message for record in caplog.records) == 2


def test_a_key_outranks_a_password(server, monkeypatch):
    monkeypatch.setenv("PENSTOCK_API_AUTH_STRING", "user:pass")
    for key, expected in ((None, "Basic dXNlcjpwYXNz"), ("pnu_1", "Bearer pnu_1")):
        if key:
            monkeypatch.setenv("PENSTOCK_API_KEY", key)
        with get_client(sync_client=True) as client:
            client.hello()
        assert server.asked[-1][2]["Authorization"] == expected
