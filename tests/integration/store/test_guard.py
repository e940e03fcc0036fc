from __future__ import annotations

import pytest

ROUTES = [
    ("POST", "/link/hello"),
    ("POST", "/link/ingest?client=a"),
    ("POST", "/link/sql"),
    ("POST", "/link/stop"),
    ("POST", "/link/flow_runs"),
    ("GET", "/api/version"),
    ("GET", "/api/variables/name/health"),
    ("GET", "/api/health/"),
    ("POST", "/api/health"),
    ("POST", "/api/flow_runs/filter"),
    ("GET", "/nowhere"),
]


@pytest.mark.parametrize("tcp", [False, True])
def test_nothing_but_health_is_served_without_the_token(shared, tcp):
    for method, path in ROUTES:
        for given in (None, "Bearer wrong", "Basic abc", "Bearer "):
            refused = shared.request(method, path, {}, headers={"Authorization": given}, tcp=tcp)
            assert refused.status == 401, (method, path, given)
    assert shared.request("GET", "/api/health", headers={"Authorization": None}, tcp=tcp).raw == b"true"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil:80", "0.0.0.0", ""]
)
def test_a_foreign_host_is_refused(shared, host):
    assert shared.request("GET", "/api/health", headers={"Host": host}, tcp=True).status == 403


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1234", "[::1]:80", "LOCALHOST:9"])
def test_a_local_host_is_served(shared, host):
    assert shared.request("GET", "/api/ready", headers={"Host": host}, tcp=True).status == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "file://"]
)
def test_a_foreign_origin_is_refused(shared, origin):
    assert shared.get("/api/ready", headers={"Origin": origin}, tcp=True).status == 403
    assert shared.get("/api/ready", headers={"Origin": "http://localhost:8888"}, tcp=True).status == 200


def test_a_body_has_a_limit(shared):
    assert shared.post("/api/flow_runs/filter", raw=b" " * (17 << 20)).status == 413
    assert shared.get("/api/ready").status == 200


def test_a_host_outside_loopback_is_refused(cold):
    assert cold.spawn("--host", "0.0.0.0").wait(20) == 78
    assert "only loopback" in cold.log()
