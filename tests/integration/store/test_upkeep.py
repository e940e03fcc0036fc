"""`penstock store`: what is written out, copied, checked, made anew and forgotten, with a real store and its client."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

import duckdb
import pytest

from penstock._ids import now_us
from penstock._store.snapshots import existing
from penstock._workspace import Workspace
from penstock.cli.store import VIEWS, span

from .conftest import ClientProcess, eventually
from .test_cli import penstock
from .test_failures import Place

FLOWS = """
from penstock import flow, task, get_run_logger
from penstock.artifacts import create_markdown_artifact

@task(persist_result=True)
def double(x):
    return 2 * x

@flow(name={name!r}, persist_result=True)
def numbers(n=5):
    get_run_logger().error("hello")
    create_markdown_artifact("*done*", key="report")
    return sum(double.map(range(n)).result())

numbers()
"""


@pytest.fixture
def place(home):
    made = Place(home, PENSTOCK_STORE_IDLE_SECONDS="60", PENSTOCK_LOGGING_LEVEL="ERROR")
    yield made
    made.close()


@pytest.fixture(scope="module")
def filled():
    """A workspace with one run in it, whose store runs; for tests that change nothing."""
    home = Path(tempfile.mkdtemp(prefix="pst-"))
    made = Place(home, PENSTOCK_STORE_IDLE_SECONDS="120", PENSTOCK_LOGGING_LEVEL="ERROR")
    made.program(FLOWS.format(name="etl"))
    yield made
    made.close()
    shutil.rmtree(home)


def views(place):
    names = ("runs", "task_runs", "states", "logs", "artifacts", "edges", "inputs", "flows")
    return {name: place.sql(f"FROM {name} ORDER BY ALL", limit=100_000) for name in names}


@pytest.mark.parametrize("form", ["parquet", "csv", "json"])
def test_views_are_written_out_whole(filled, tmp_path, form):
    code, said, err = penstock(filled, "store", "export", str(tmp_path / "out"), "--format", form)
    assert code == 0, err
    files = {path.stem: path for path in (tmp_path / "out").iterdir()}
    assert len(files) == len(VIEWS)
    for view in ("runs", "task_runs", "states", "logs", "artifacts", "flows"):
        ((wanted,),) = filled.sql(f"SELECT count(*) FROM {view}")
        read = "json" if form == "json" else form
        ((found,),) = duckdb.sql(f"SELECT count(*) FROM read_{read}('{files[view]}')").fetchall()
        assert found == wanted > 0, view
        assert f"{wanted} rows  {files[view]}" in said
    assert not list((filled.home / "transfer").glob("*"))


def test_one_view_is_written_and_an_unknown_one_is_refused(filled, tmp_path):
    assert penstock(filled, "store", "export", str(tmp_path), "--view", "runs")[0] == 0
    assert [path.name for path in tmp_path.glob("*.parquet")] == ["runs.parquet"]
    code, _, err = penstock(filled, "store", "export", str(tmp_path), "--view", "nope")
    assert (code, "There is no view nope; there are flows, runs" in err) == (1, True)


def test_copy_check_and_compact(filled):
    before = views(filled)
    code, said, err = penstock(filled, "store", "snapshot")
    assert code == 0, err
    (taken,) = existing(Workspace(filled.home))
    assert f"{taken.path}: {taken.lines} lines" in said
    assert penstock(filled, "store", "check")[:2] == (
        0,
        "All blocks can be read, and all lines of the journals are there.\n",
    )
    code, said, err = penstock(filled, "store", "vacuum")
    assert (code, "MB before" in said) == (0, True), err
    assert views(filled) == before


def test_a_database_made_anew_is_the_same_and_the_old_one_is_kept(place):
    place.program(FLOWS.format(name="etl"))
    place.post("/link/upkeep", {"do": "snapshot"})
    place.program(FLOWS.format(name="later"))
    before = views(place)
    assert len(before["task_runs"]) == 10
    code, said, err = penstock(place, "store", "rebuild")
    assert code == 0, err
    (kept,) = (place.home / "quarantine").iterdir()
    assert said.splitlines()[0] == "Rebuilt: 2 flow runs."
    assert str(kept) in said
    assert views(place) == before
    assert place.post("/link/upkeep", {"do": "check"}).json == {"problems": []}


def test_old_runs_are_forgotten_for_good_with_all_that_belongs_to_them(place):
    place.program(FLOWS.format(name="old"))
    before_all = views(place)
    results = [path for path in (place.home / "storage").rglob("*") if path.is_file()]
    assert len(results) >= 5
    cutoff = now_us()
    place.program(FLOWS.format(name="new"))
    kept_results = {path for path in (place.home / "storage").rglob("*") if path.is_file()} - set(results)
    for path in results:
        os.utime(path, ns=(0, 0))
    wanted = views(place)
    old_id = next(row[0] for row in before_all["runs"])
    prune = {"do": "prune", "before_us": cutoff}
    counted = place.post("/link/upkeep", {**prune, "dry_run": True}).json
    assert (counted["flow_run"], counted["artifact"]) == (1, 1)
    assert views(place) == wanted
    done = place.post("/link/upkeep", prune, timeout=60).json
    assert (done["flow_run"], done["artifact"]) == (1, 1)
    after = views(place)
    assert [row for row in wanted["runs"] if row[0] != old_id] == after["runs"]
    assert len(after["runs"]) == 1
    assert len(after["task_runs"]) == 5
    assert len(after["artifacts"]) == 1
    assert not [row for name in ("states", "logs", "edges") for row in after[name] if old_id in row]
    for table in ("task_run", "task_state", "flow_state", "log", "artifact", "flow_run", "edge"):
        column = "id" if table == "flow_run" else "flow_run_id"
        assert place.sql(f"SELECT count(*) FROM raw.{table} WHERE {column} = '{old_id}'") == [[0]], table
    # The running store's own journal lasts as long as it does.
    text = "".join(
        path.read_text()
        for path in (place.home / "journal").rglob("*.jsonl")
        if f"-{place.endpoint['pid']}-" not in path.name
    )
    assert old_id not in text
    code, said, err = penstock(place, "store", "prune", "--older-than", "30d", "--results", "--json")
    assert code == 0, err
    assert json.loads(said)["results"] == len(results)
    assert {path for path in (place.home / "storage").rglob("*") if path.is_file()} == kept_results
    assert penstock(place, "store", "rebuild")[0] == 0
    assert views(place) == after
    assert place.post("/link/upkeep", {"do": "check"}).json == {"problems": []}


def test_what_still_runs_or_is_young_is_not_forgotten(store):
    client = ClientProcess(store)
    try:
        run = store.create("RUNNING", client=client.name)
        ended = store.create("COMPLETED", client=client.name)
        code, said, err = penstock(store, "store", "prune", "--older-than", "1h", "--dry-run")
        assert code == 0, err
        assert said == "0 flow runs, 0 task runs outside of flows and 0 artifacts would be deleted.\n"
        store.post("/link/upkeep", {"do": "prune", "before_us": now_us() + 10_000_000}, timeout=60)
        assert store.sql("SELECT id, state_type FROM runs") == [[run, "RUNNING"]]
        assert store.get(f"/api/flow_runs/{ended}").status == 404
    finally:
        client.order("end")
        client.close()


@pytest.mark.parametrize("text", ["30", "d", "-1d", "1y", "30d; rm", ""])
def test_an_age_is_a_number_and_a_unit(capsys, text):
    with pytest.raises(SystemExit):
        span(text)
    assert "write a number and one of s, m, h, d, w" in capsys.readouterr().err


def test_an_unknown_wish_and_a_bad_time_are_refused(store):
    assert store.post("/link/upkeep", {"do": "explode"}).status == 422
    assert store.post("/link/upkeep", {"do": "prune", "before_us": "yesterday"}).status == 422


def test_an_idle_store_leaves_a_snapshot_and_not_a_second_one_without_news(home):
    place = Place(home, PENSTOCK_STORE_IDLE_SECONDS="0.3", PENSTOCK_LOGGING_LEVEL="ERROR")
    try:
        place.program(FLOWS.format(name="etl"))
        eventually(place.store_gone)
        (taken,) = existing(Workspace(home))
        assert taken.lines > 20
        for left in ("store.duckdb", "store.duckdb.wal"):
            (Path(home) / left).unlink(missing_ok=True)
        process = place.start().processes[-1]
        assert place.sql("SELECT flow_name, state_type FROM runs") == [["etl", "COMPLETED"]]
        assert process.wait(20) == 0
        assert len(existing(Workspace(home))) <= 2
    finally:
        place.close()
