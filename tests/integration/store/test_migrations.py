"""Migrations go forward only: every older file becomes what a fresh one is, and keeps its rows."""

from __future__ import annotations

from zlib import crc32

import duckdb
import pytest

from penstock._store.database import Database, NewerSchema, migrations

NUMBERS = [number for number, _ in migrations()]
RUN, TASK, STATE = (f"00000000-0000-7000-8000-00000000000{n}" for n in (1, 2, 3))
#: What has landed is never edited: another file with a higher number changes it.
LANDED = {1: "8e2385ec", 100: "b5ce5dda", 200: "56f90000", 300: "62810b94", 500: "5b9f16d3", 600: "2e6afe29"}
COLUMNS = (
    "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() "
    "WHERE schema_name IN ('raw', 'main') AND NOT internal ORDER BY ALL"
)
#: Rows as the first version wrote them, into columns that it had.
ROWS = f"""
INSERT INTO raw.batch VALUES ('c', 0, 6, 1);
INSERT INTO raw.flow VALUES ('c', 1, 10, '{STATE}', 'etl', []);
INSERT INTO raw.flow_run (client, seq, at_us, id, flow_id, flow_name, name, parameters, tags)
VALUES ('c', 2, 20, '{RUN}', '{STATE}', 'etl', 'old-run', '{{}}', ['kept']);
INSERT INTO raw.flow_state (client, seq, at_us, id, flow_run_id, type, name, run_count)
VALUES ('c', 3, 30, '{STATE}', '{RUN}', 'COMPLETED', 'Completed', 1);
INSERT INTO raw.task_run (client, seq, at_us, id, flow_run_id, task_key, task_name, name, tags)
VALUES ('c', 4, 40, '{TASK}', '{RUN}', 'k', 't', 'old-task', []);
INSERT INTO raw.task_state (client, seq, at_us, id, task_run_id, flow_run_id, type, name, run_count)
VALUES ('c', 5, 50, '{STATE}', '{TASK}', '{RUN}', 'COMPLETED', 'Completed', 1);
INSERT INTO raw.log (client, seq, at_us, flow_run_id, level, message) VALUES ('c', 6, 60, '{RUN}', 20, 'hello');
"""


def older(path, upto, lacks=None):
    """A file as the version wrote it whose newest migration was `upto`, with rows of the first version."""
    with duckdb.connect(str(path)) as con:
        for number, sql in migrations():
            if number > upto or number == lacks:
                continue
            con.execute(sql)
            con.execute("INSERT INTO raw.schema_version VALUES (?, 0)", [number])
            if number == NUMBERS[0]:
                con.execute(ROWS)


@pytest.fixture
def database(tmp_path):
    opened = []

    def open_at(path):
        opened.append(Database(path))
        return opened[-1]

    yield open_at
    for each in opened:
        each.close()


@pytest.mark.parametrize("upto", NUMBERS)
def test_a_file_of_every_older_version_becomes_what_a_fresh_one_is(tmp_path, database, upto):
    older(tmp_path / "old.duckdb", upto)
    new, old = database(tmp_path / "new.duckdb"), database(tmp_path / "old.duckdb")
    columns = old.read(COLUMNS)
    assert len(columns) > 200
    assert columns == new.read(COLUMNS)
    assert old.read("SELECT version FROM raw.schema_version ORDER BY 1") == [(number,) for number in NUMBERS]
    assert old.read("SELECT name, flow_name, state_type, tags FROM runs") == [
        ("old-run", "etl", "COMPLETED", ["kept"])
    ]
    assert old.read("SELECT name, state_type, flow_name FROM task_runs") == [("old-task", "COMPLETED", "etl")]
    assert old.read("SELECT message FROM logs") == [("hello",)]
    assert old.marks() == {"c": 6}


def test_a_lower_number_that_comes_later_is_made_up_for(tmp_path, database):
    older(tmp_path / "old.duckdb", NUMBERS[-1], lacks=200)
    new, old = database(tmp_path / "new.duckdb"), database(tmp_path / "old.duckdb")
    assert old.read(COLUMNS) == new.read(COLUMNS)
    assert old.read("SELECT name FROM runs") == [("old-run",)]


def test_a_file_that_is_current_is_opened_as_it_is(tmp_path, database):
    path = tmp_path / "store.duckdb"
    Database(path).close()
    before = path.read_bytes()
    database(path).read("FROM runs")
    assert path.read_bytes() == before


def test_numbers_are_unique_and_what_has_landed_is_as_it_was():
    assert sorted(set(NUMBERS)) == NUMBERS
    found = {number: f"{crc32(sql.encode()):08x}" for number, sql in migrations()}
    assert {number: found.get(number) for number in LANDED} == LANDED


def test_a_file_from_the_future_is_refused(tmp_path):
    path = tmp_path / "store.duckdb"
    older(path, NUMBERS[-1])
    with duckdb.connect(str(path)) as con:
        con.execute("INSERT INTO raw.schema_version VALUES (9999, 0)")
    with pytest.raises(NewerSchema, match=f"schema version 9999, this Penstock knows {NUMBERS[-1]}"):
        Database(path)
