from __future__ import annotations

import csv
import io
from uuid import uuid4

import pytest


def line(message, run=None, level=20, second=0, **fields):
    stamp = f"2030-01-01T00:00:{second:02}+00:00"
    return {
        "name": "penstock.flow_runs",
        "level": level,
        "message": message,
        "timestamp": stamp,
        "flow_run_id": run,
        **fields,
    }


def test_logs_come_in_the_order_of_their_times(api):
    run = api.flow_run("RUNNING")["id"]
    api.post("/logs/", [line("late", run, second=2), line("early", run, second=1)], 201)
    wanted = {"logs": {"flow_run_id": {"any_": [run]}}}

    def messages(**more):
        return [log["message"] for log in api.post("/logs/filter", {**wanted, **more})]

    assert messages() == ["early", "late"]
    assert messages(sort="TIMESTAMP_DESC", limit=1) == ["late"]
    first = api.post("/logs/filter", wanted)[0]
    assert (first["level"], first["name"], first["task_run_id"]) == (20, "penstock.flow_runs", None)
    assert first["timestamp"] == "2030-01-01T00:00:01Z"


CASES = [
    ({"level": {"ge_": 30}}, "b"),
    ({"level": {"le_": 20}}, "acd"),
    ({"text": {"query": "disk"}}, "ab"),
    ({"text": {"query": "disk -full"}}, "b"),
    ({"text": {"query": "+disk +full"}}, "a"),
    ({"text": {"query": '"slow disk"'}}, "b"),
    ({"text": {"query": "net !down"}}, "d"),
    ({"timestamp": {"after_": "2030-01-01T00:00:02Z", "before_": "2030-01-01T00:00:03Z"}}, "bc"),
    ({"task_run_id": {"is_null_": True}, "text": {"query": "NET"}}, "cd"),
]


@pytest.mark.parametrize(("wanted", "found"), CASES)
def test_log_filters(api, wanted, found):
    run = api.flow_run("RUNNING")["id"]
    texts = ["a: disk full", "b: slow disk", "c: net down", "d: net up"]
    api.post(
        "/logs/", [line(text, run, 30 if text[0] == "b" else 20, at) for at, text in enumerate(texts, 1)]
    )
    logs = api.post("/logs/filter", {"logs": {"flow_run_id": {"any_": [run]}, **wanted}})
    assert "".join(log["message"][0] for log in logs) == found


BAD = [
    {},
    [3],
    [{"message": "m"}],
    [line("m") | {"timestamp": "2030-01-01T00:00:00"}],
    [line("m") | {"level": 2**63}],
    [line("a\0b")],
]


@pytest.mark.parametrize("body", BAD)
def test_a_list_of_whole_log_lines_is_needed(api, body):
    api.post("/logs/", body, 422)


def test_logs_are_downloaded_as_csv(api):
    run = api.flow_run("RUNNING", name='odd "name"/1')["id"]
    api.post("/logs/", [line('say "hi",\nyou', run, second=1), line("=1+1", run, second=2)])
    reply = api.request("GET", f"/api/flow_runs/{run}/logs/download")
    assert reply.headers["content-type"].startswith("text/csv")
    assert reply.headers["content-disposition"] == 'attachment; filename="odd__name__1-logs.csv"'
    rows = list(csv.reader(io.StringIO(reply.text)))
    assert rows[0] == ["timestamp", "level", "flow_run_id", "task_run_id", "message"]
    assert rows[1] == ["2030-01-01T00:00:01Z", "20", run, "", 'say "hi",\nyou']
    assert rows[2][4] == "'=1+1"


def test_an_input_is_kept_under_its_key_once(api):
    run = api.flow_run("RUNNING")["id"]
    path = f"/flow_runs/{run}/input"
    api.post(path, {"key": "a-1", "value": "plain", "sender": "prefect.flow-run.x"}, 201)
    assert set(api.post(path, {"key": "a-1", "value": "other"}, 409)) == {"detail", "exception_message"}
    api.post(path, {"key": "a-2", "value": {"n": 1}}, 201)
    api.post(path, {"key": "b", "value": "x"}, 201)
    found = api.post(f"{path}/filter", {"prefix": "a-", "limit": 10, "exclude_keys": ["a-1"]})
    assert [(one["key"], one["value"]) for one in found] == [("a-2", '{"n":1}')]
    assert [one["key"] for one in api.post(f"{path}/filter", {"prefix": "a"})] == ["a-1"]
    assert api.post(f"{path}/filter", {"prefix": "a"})[0]["sender"] == "prefect.flow-run.x"
    for bad in (
        {"key": "a b", "value": "x"},
        {"key": "", "value": "x"},
        {"key": "../x", "value": 1},
        {"value": 1},
    ):
        api.post(path, bad, 422)


def test_an_input_is_read_as_raw_text_and_deleted(api):
    """Server section 26 (c): not JSON, quotes stand as they were sent."""
    run = api.flow_run("RUNNING")["id"]
    api.post(f"/flow_runs/{run}/input", {"key": "k", "value": '"quoted"'}, 201)
    reply = api.request("GET", f"/api/flow_runs/{run}/input/k")
    assert (reply.text, reply.headers["content-type"]) == ('"quoted"', "text/plain; charset=utf-8")
    api.delete(f"/flow_runs/{run}/input/k")
    api.get(f"/flow_runs/{run}/input/k", 404)
    api.delete(f"/flow_runs/{run}/input/k", 404)
    api.post(f"/flow_runs/{uuid4()}/input", {"key": "k", "value": ""}, 404)
