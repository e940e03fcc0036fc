"""S1-S3, S6, S11: tables made of the list of routes, so that a new route cannot be forgotten."""

from __future__ import annotations

import base64
import re
from uuid import uuid4

import pytest

from penstock._store.access import Csrf
from penstock._store.routes.rest import table

from .conftest import TOKEN, Api

OPEN = {("GET", "/api/health"), ("GET", "/api/ready")}


def addressed(path):
    return "/api" + re.sub(r"\{(\w+)\}", lambda match: str(uuid4()) if match[1] == "id" else "health", path)


ROUTES = [(route.method, addressed(route.path)) for route in table()]
CHANGING = [route for route in ROUTES if route[0] != "GET"]
LINK = [
    ("POST", f"/link/{name}")
    for name in ("hello", "ingest?client=a", "sql", "stop", "flow_runs", "adopt", "upkeep")
]
ALL = [
    *ROUTES,
    *LINK,
    ("GET", "/openapi.json"),
    ("GET", "/api/openapi.json"),
    ("GET", "/nowhere"),
    ("POST", "/api/health"),
]


def test_the_table_of_routes_is_the_documented_one():
    assert len(ROUTES) > 70
    assert len(ROUTES) == len({(route.method, route.path) for route in table()})


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        f"bearer {TOKEN}",
        TOKEN,
    ],
)
def test_no_route_but_health_opens_without_the_token(api, given):
    headers = {"Authorization": given} if given is not None else {"Authorization": "none"}
    for method, path in ALL:
        reply = api.request(method, path, headers=headers)
        wanted = 200 if (method, path) in OPEN else 401
        assert reply.status_code == wanted, (method, path)
        assert wanted == 200 or reply.json() == {"exception_message": "Unauthorized"}


HOSTS = [
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil:80",
    "0.0.0.0",
    "[::1].x",
    "",
    "localhost@evil",
]


@pytest.mark.parametrize("host", HOSTS)
def test_no_route_answers_to_a_foreign_host(api, host):
    for method, path in [*ALL, *OPEN]:
        assert api.request(method, path, headers={"Host": host}).status_code == 403, (method, path)


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://localhost.evil.example", "file://", "http://127.0.0.1@evil"],
)
def test_no_route_answers_to_a_foreign_origin(api, origin):
    for method, path in [*ALL, *OPEN]:
        reply = api.request(method, path, headers={"Origin": origin})
        assert reply.status_code == 403, (method, path)
        assert "access-control-allow-origin" not in reply.headers


def test_a_page_of_this_machine_is_answered_by_name_never_by_star(api):
    origin = "http://localhost:8888"
    reply = api.request("GET", "/api/version", headers={"Origin": origin})
    assert reply.headers["access-control-allow-origin"] == origin
    assert reply.headers["vary"] == "Origin"
    asks = {"Origin": origin, "Access-Control-Request-Method": "POST", "Authorization": ""}
    preflight = api.request("OPTIONS", "/api/flows/filter", headers=asks)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, origin)
    foreign = api.request("OPTIONS", "/api/flows/filter", headers={**asks, "Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert api.request("OPTIONS", "/api/flows/filter", headers={"Authorization": ""}).status_code == 401


SIMPLE = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]


@pytest.mark.parametrize("kind", SIMPLE)
def test_what_a_form_can_send_changes_nothing(api, kind):
    for method, path in CHANGING:
        reply = api.request(method, path, content=b"{}", headers={"Content-Type": kind})
        assert reply.status_code == 415, (method, path)


@pytest.fixture(scope="module")
def basic():
    made = Api(auth_string="admin:pass wörd", csrf=Csrf())
    yield made
    made.close()


def authorized(text):
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def test_basic_auth_opens_and_the_health_exemption_is_exact(basic):
    """Server section 31 (c): a variable named health is not exempt, nor is another method."""
    known = authorized("admin:pass wörd")
    assert basic.request("GET", "/api/version", headers=known).status_code == 200
    assert basic.request("GET", "/api/version").status_code == 200
    assert basic.request("GET", "/api/variables/name/health", headers=known).status_code == 404
    for wrong in ("admin:", "admin:pass wörd ", "Admin:pass wörd", ":", "admin:pass"):
        for path in (
            "/api/version",
            "/api/variables/name/health",
            "/api/artifacts/ready/latest",
            "/api//health",
        ):
            assert basic.request("GET", path, headers=authorized(wrong)).status_code == 401, (wrong, path)
    none = {"Authorization": "none"}
    assert basic.request("GET", "/api/health", headers=none).json() is True
    assert basic.request("POST", "/api/health", headers=none).status_code == 401
    assert basic.request("GET", "/api/openapi.json", headers=none).status_code == 401


def test_every_changing_route_asks_for_a_csrf_token(basic):
    for method, path in CHANGING:
        reply = basic.request(method, path, json={})
        assert (reply.status_code, reply.json()) == (403, {"detail": "Missing CSRF token."}), (method, path)
    assert basic.request("GET", "/api/version").status_code == 200


def test_a_csrf_token_belongs_to_its_client_and_is_replaced(basic):
    first = basic.get("/csrf-token", params={"client": "me"})
    assert re.fullmatch(r"[0-9a-f]{64}", first["token"])

    def status(token, client):
        headers = {"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": client}
        reply = basic.request(
            "POST", "/api/flows/filter", json={}, headers={k: v for k, v in headers.items() if v}
        )
        return reply.status_code if reply.status_code == 200 else (reply.status_code, reply.json()["detail"])

    invalid = (403, "Invalid CSRF token or client identifier.")
    assert status(first["token"], "me") == 200
    assert status(first["token"], "you") == invalid
    assert status(first["token"], None) == (403, "Missing client identifier.")
    second = basic.get("/csrf-token", params={"client": "me"})
    assert (status(first["token"], "me"), status(second["token"], "me")) == (invalid, 200)
    basic.get("/csrf-token", 422)


def test_a_csrf_token_ends():
    now = [0.0]
    csrf = Csrf(60.0, lambda: now[0])
    headers = {b"prefect-csrf-token": csrf.issue("a").encode(), b"prefect-csrf-client": b"a"}
    assert csrf.refusal(headers) is None
    now[0] = 60.0
    assert csrf.refusal(headers) == "Invalid CSRF token or client identifier."
    csrf.issue("b")
    assert list(csrf._tokens) == ["b"]


def test_csrf_protection_that_is_off_says_so(api):
    assert api.get("/csrf-token", 422, params={"client": "me"})["detail"] == "CSRF protection is disabled."


#: S6: what leads out of a folder, or is not what it looks like, somewhere.
CLIMBING = [
    "..",
    "../",
    "..\\",
    "....//",
    "..;/",
    ".%00./",
    "%2e%2e/",
    "%2e%2e%2f",
    "..%2f",
    "..%5c",
    "%252e%252e%252f",
    "..%c0%af",
]
TARGETS = ["etc/passwd", "store.lock", "endpoint.json", "%00"]
ODD = [
    "a%00b",
    "C:\\x",
    "C:",
    "%5c%5chost%5cshare",
    "%2fetc%2fpasswd",
    "file:%2f%2f%2fetc",
    "~",
    "~root",
    "$HOME",
    "`id`",
    "$(id)",
    "a" * 300,
    "a" * 3000,
    "%ff",
    "%ed%a0%80",
    "%ef%ac%81",
    "e%cc%81",
    "%e2%80%ae",
    "%0d%0aX-Injected:%201",
    "con",
    "NUL",
    "a:stream",
    ".",
    "..",
    "-rf",
    "%3cscript%3e",
    "%27%20OR%201=1--",
    "%22%3b%20DROP%20VIEW%20runs",
]
PATHS = [*(f"{up * 3}{target}" for up in CLIMBING for target in TARGETS), *ODD]
#: Routes that read by a name in the path.
NAMED = [
    re.sub(r"\{\w+\}", "{}", route.path)
    for route in table()
    if route.method == "GET" and "{" in route.path and "{id}" not in route.path
]


def test_the_names_in_paths_are_found_and_there_are_enough_traps():
    assert len(NAMED) >= 4
    assert len(PATHS) >= 60


@pytest.mark.parametrize("text", PATHS)
def test_a_name_in_a_path_is_only_ever_a_name(api, text):
    """S6: nothing outside the tables is reached, whatever the name."""
    for path in NAMED:
        reply = api.request("GET", f"/api{path.replace('{}', text)}")
        assert reply.status_code in (404, 405, 422), path
        assert "x-injected" not in reply.headers
        assert "root:" not in reply.text
        assert TOKEN not in reply.text


def test_a_key_is_never_a_path(api):
    for key in ("../x", "/etc/passwd", "a\\b", "NUL\0", "..", "a/../b"):
        api.post("/artifacts/", {"key": key}, 422)


def test_a_body_has_a_limit(api):
    """S11, also when the length is not said."""

    async def chunks():
        for _ in range(17):
            yield b" " * (1 << 20)

    assert api.request("POST", "/api/flows/filter", content=b" " * (17 << 20)).status_code == 413
    streamed = api.request(
        "POST", "/api/flows/filter", content=chunks(), headers={"Content-Type": "application/json"}
    )
    assert streamed.status_code == 413
    assert api.get("/ready") == {"message": "OK"}


def test_secrets_are_not_in_the_settings_that_are_shown(api, monkeypatch):
    """S8: neither the token nor a password."""
    monkeypatch.setenv("PENSTOCK_SERVER_API_AUTH_STRING", "admin:hunter2")
    monkeypatch.setenv("PENSTOCK_API_KEY", "pnu_hunter2")
    text = api.request("GET", "/api/admin/settings").text
    assert "hunter2" not in text
    assert TOKEN not in text


def test_answers_are_not_guessed_at_by_browsers(api):
    """S4: what a run said is never taken for a page."""
    run = api.flow_run("RUNNING")["id"]
    api.post(f"/flow_runs/{run}/input", {"key": "k", "value": "<script>alert(1)</script>"}, 201)
    for path in (
        f"/api/flow_runs/{run}/input/k",
        f"/api/flow_runs/{run}/logs/download",
        f"/api/flow_runs/{run}",
    ):
        reply = api.request("GET", path)
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert "html" not in reply.headers["content-type"]
