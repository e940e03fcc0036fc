"""S1 and S8: secrets are nowhere on the disk but where they belong, and nowhere in what is shown."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from .test_failures import Place

CANARY = "canary-7f3a9c"
FLOW = f"""
import os
from pydantic import SecretStr
from penstock import flow, get_run_logger, query, task
from penstock.cache_policies import INPUTS

@task(persist_result=True, cache_policy=INPUTS)
def use(secret, number):
    get_run_logger().error("using %s", secret)
    return number

@task
def fails(secret):
    raise ValueError(f"did not work with {{secret!r}}")

@flow
def careful(secret: SecretStr):
    use.map([secret] * 200, range(200)).wait()
    fails(secret, return_state=True)
    return 1

@flow
def breaks(secret: SecretStr):
    raise RuntimeError(f"did not work with {{secret}}")

careful(SecretStr({CANARY!r}))
breaks(SecretStr({CANARY!r}), return_state=True)
print(query("select count(*) as n from task_runs", to="rows"))
"""


@pytest.fixture
def place(home):
    made = Place(
        home,
        PENSTOCK_STORE_IDLE_SECONDS="60",
        PENSTOCK_LOGGING_LEVEL="ERROR",
        PENSTOCK_API_KEY=f"pnu_{CANARY}",
        PENSTOCK_SERVER_API_AUTH_STRING=f"admin:{CANARY}",
    )
    yield made
    made.close()


def holding(home: Path, text: str) -> list[str]:
    """Names of the files that have this text in them."""
    found = subprocess.run(["grep", "-rla", text, str(home)], capture_output=True, text=True, check=False)
    return sorted(str(Path(line).relative_to(home)) for line in found.stdout.splitlines())


def test_secrets_of_runs_and_settings_are_nowhere_in_the_workspace(place):
    out, err = place.program(FLOW)
    assert "'n': 201" in out
    assert CANARY not in out + err
    token = place.endpoint["token"]
    shown = place.get("/api/admin/settings").raw.decode() + place.get("/openapi.json").raw.decode()
    assert place.post("/link/upkeep", {"do": "snapshot"}).status == 200
    assert not {CANARY, token} & {word for word in (CANARY, token) if word in shown}
    assert holding(place.home, token) == ["endpoint.json"]
    assert place.post("/link/stop").status == 200
    results = [name for name in holding(place.home, CANARY) if name.startswith("storage/")]
    assert [name for name in holding(place.home, CANARY) if name not in results] == []
    assert results == []
    assert len(list((place.home / "storage").rglob("*"))) >= 200


def test_a_secret_does_not_travel_in_an_address(shared):
    token = shared.endpoint["token"]
    for path in (
        f"/api/version?token={token}",
        f"/api/version?access_token={token}",
        f"/api/version/{token}",
    ):
        reply = shared.get(path, headers={"Authorization": None}, tcp=True)
        assert reply.status == 401
        assert token not in reply.raw.decode()
    assert token not in shared.log()
