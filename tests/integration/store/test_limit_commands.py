"""``penstock gcl`` and ``penstock concurrency-limit``."""

from __future__ import annotations

import json

from .test_cli import penstock


def test_a_limit_is_made_shown_changed_and_deleted(store, tmp_path):
    code, said, _ = penstock(store, "gcl", "create", "db", "--limit", "5", "--slot-decay-per-second", "0.5")
    assert (code, said.startswith("Created global concurrency limit with name 'db'")) == (0, True)
    code, _, problem = penstock(store, "gcl", "create", "db", "--limit", "5")
    assert (code, "There is a concurrency limit named 'db' already" in problem) == (1, True)
    assert penstock(store, "gcl", "update", "db", "--limit", "7", "--active-slots", "2", "--disable")[0] == 0
    file = tmp_path / "db.json"
    assert penstock(store, "global-concurrency-limit", "inspect", "db", "--file", str(file))[0] == 0
    shown = json.loads(penstock(store, "gcl", "inspect", "db", "--output", "json")[1])
    assert {key: shown[key] for key in ("name", "limit", "active", "slot_decay_per_second")} == {
        "name": "db",
        "limit": 7,
        "active": False,
        "slot_decay_per_second": 0.5,
    }
    assert json.loads(file.read_text())["id"] == shown["id"]
    assert penstock(store, "gcl", "enable", "db")[1] == "Enabled global concurrency limit with name 'db'.\n"
    code, _, problem = penstock(store, "gcl", "enable", "db")
    assert (code, "is enabled already" in problem) == (1, True)
    assert "db" in penstock(store, "gcl", "ls")[1]
    assert penstock(store, "gcl", "delete", "db")[1] == "Deleted global concurrency limit with name 'db'.\n"


def test_what_cannot_be_done_is_said(store):
    for arguments, words in [
        (("inspect", "nothing"), "There is no concurrency limit named 'nothing'"),
        (("update", "nothing"), "Nothing to change"),
        (("update", "nothing", "--enable", "--disable"), "either --enable or --disable"),
        (("create", "a/b", "--limit", "1"), "must not contain"),
    ]:
        code, _, problem = penstock(store, "gcl", *arguments)
        assert (code, words in problem) == (1, True), (arguments, problem)


def test_a_tag_is_limited_listed_reset_and_unlimited(store):
    said = penstock(store, "concurrency-limit", "create", "database", "10")[1]
    assert said.startswith("Tag 'database' has a concurrency limit of 10")
    shown = json.loads(penstock(store, "concurrency-limit", "inspect", "database")[1])
    assert (shown["tag"], shown["concurrency_limit"], shown["active_slots"]) == ("database", 10, [])
    assert "database" in penstock(store, "concurrency-limit", "ls")[1]
    assert "tag:database" in penstock(store, "gcl", "ls")[1]
    assert penstock(store, "concurrency-limit", "reset", "database")[0] == 0
    assert penstock(store, "concurrency-limit", "delete", "database")[0] == 0
    code, _, problem = penstock(store, "concurrency-limit", "inspect", "database")
    assert (code, "Tag 'database' has no concurrency limit" in problem) == (1, True)
