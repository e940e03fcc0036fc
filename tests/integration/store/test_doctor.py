"""`penstock doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

import json
import os
import time

import pytest

from penstock._workspace import PROTOCOL, Workspace, take_lock
from penstock.cli.doctor import examine, kernel_advice


@pytest.fixture
def place(home, monkeypatch):
    monkeypatch.setenv("PENSTOCK_HOME", str(home))
    return Workspace(home)


def findings(place):
    return {finding.what: finding for finding in examine(place)}


def said(place, what):
    """What to do about one thing; nothing else may be wrong."""
    found = findings(place)
    wrong = {finding.what for finding in found.values() if finding.todo}
    assert wrong == {what}, found
    return found[what].todo


def test_an_empty_workspace_and_one_that_is_not_there_are_well(place):
    found = findings(place)
    assert [finding.todo for finding in found.values() if finding.todo] == []
    assert set(found) == {"workspace", "permissions", "store", "journals", "database", "disk"}
    new = Workspace(place.home / "new")
    assert list(findings(new)) == ["workspace"]


def test_what_others_may_write_is_named_with_the_command_that_helps(place):
    place.home.chmod(0o770)
    assert f"run: chmod go-w {place.home}" in said(place, "permissions")


def test_a_database_that_was_put_aside_is_named(place):
    (place.quarantine / "20260101T000000").mkdir(parents=True)
    assert str(place.quarantine / "20260101T000000") in said(place, "database")


def test_a_process_that_holds_the_lock_and_is_not_to_be_found_is_named(place):
    fd = take_lock(place)
    try:
        os.write(fd, json.dumps({"pid": 4711}).encode())
        assert "kill -9 4711" in said(place, "store")
    finally:
        os.close(fd)


def published(place, **more):
    about = {"socket": str(place.home / "none.sock"), "token": "t", "pid": os.getpid(), "tcp_port": 1}
    place.endpoint.write_text(json.dumps({**about, "version": "9.9", "protocol": PROTOCOL, **more}))


@pytest.mark.parametrize(
    ("protocol", "advice"),
    [
        (PROTOCOL - 1, "run: penstock server stop"),
        (PROTOCOL, "run: penstock server stop"),
        (PROTOCOL + 2, "upgrade this one"),
    ],
)
def test_a_store_of_another_version_that_does_not_answer_is_named_twice(place, protocol, advice):
    fd = take_lock(place)
    try:
        os.write(fd, b'{"pid": 1}')
        published(place, protocol=protocol)
        began = time.monotonic()
        found = findings(place)
        assert advice in found["version"].todo
        assert "it does not answer" in found["store"].todo
        assert "the next run starts another" in found["store"].todo
        assert time.monotonic() - began < 15
    finally:
        os.close(fd)


def test_what_a_killed_store_left_is_no_problem(place):
    published(place)
    found = findings(place)
    assert "left over from process" in found["endpoint"].seen
    assert not [finding for finding in found.values() if finding.todo]


@pytest.mark.parametrize(
    ("version", "limited"), [("7.1.0", False), ("8.0", False), ("6.31.0", True), ("not installed", False)]
)
def test_an_old_kernel_is_named(version, limited):
    assert (kernel_advice(version) is not None) == limited
