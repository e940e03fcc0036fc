from __future__ import annotations

import pytest

ESCAPES = [
    "INSERT INTO raw.fence VALUES ('c', 0, 0, uuid())",
    "DROP VIEW runs",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM glob('/*')",
    "COPY (SELECT 1) TO '/tmp/penstock_escape'",
    "ATTACH '/tmp/penstock_escape.duckdb'",
    "SET enable_external_access = true",
    "SELECT 1; DELETE FROM raw.flow_run",
    "INSTALL httpfs",
    "LOAD httpfs",
    "EXPORT DATABASE '/tmp/penstock_escape'",
    "PRAGMA database_list",
    "CHECKPOINT",
    "CALL pragma_version()",
    "",
]


@pytest.mark.parametrize("sql", ESCAPES)
def test_writes_and_files_are_refused(shared, sql):
    shared.create()
    before = shared.sql("SELECT id FROM runs ORDER BY id")
    refused = shared.post("/link/sql", {"sql": sql})
    assert refused.status == 422, refused.raw
    assert len(before) >= 1
    assert shared.sql("SELECT id FROM runs ORDER BY id") == before


def test_values_travel_as_json(shared):
    sql = (
        "SELECT make_timestamp(0) t, 1.5::DECIMAL(5,2) d, 'x'::BLOB b, [1, 2] l, {'a': NULL} s, MAP {'k': 1} m, "
        "'nan'::DOUBLE n, 170141183460469231731687303715884105727::HUGEINT h, DATE '2020-01-02' y, true f"
    )
    answer = shared.post("/link/sql", {"sql": sql}).json
    assert [column["name"] for column in answer["columns"]] == list("tdblsmnhyf")
    assert answer["rows"] == [
        [
            "1970-01-01T00:00:00",
            1.5,
            "78",
            [1, 2],
            {"a": None},
            {"k": 1},
            "nan",
            str(2**127 - 1),
            "2020-01-02",
            True,
        ]
    ]


def test_rows_and_time_are_limited_and_the_store_lives_on(shared):
    cut = shared.post("/link/sql", {"sql": "SELECT * FROM range(1000)", "limit": 7}).json
    assert (len(cut["rows"]), cut["truncated"]) == (7, True)
    endless = "SELECT count(*) FROM range(10000000) a, range(1000000) b WHERE a.range * b.range % 7 = 3"
    assert shared.post("/link/sql", {"sql": endless, "timeout": 0.3}).status == 408
    assert shared.sql("SELECT 1") == [[1]]


VIEWS = {
    "runs": "id name flow_name state_type state_name start_time end_time duration run_count tags parameters runner "
    "created flow_id",
    "task_runs": "id name task_name flow_run_id state_type state_name start_time end_time duration run_count tags "
    "runner created",
    "states": "id run_type run_id type name message timestamp",
    "logs": "id timestamp level name message flow_run_id task_run_id",
    "artifacts": "id key type description data flow_run_id task_run_id created",
    "edges": "task_run_id input_name upstream_id kind",
    "events": "occurred event run_type run_id state_type state_name",
    "flows": "id name tags created",
    "inputs": "flow_run_id key value sender",
    "variables": "name value tags",
}


@pytest.mark.parametrize("view", VIEWS)
def test_the_documented_columns_are_there(shared, view):
    answer = shared.post("/link/sql", {"sql": f"SELECT * FROM {view}"}).json
    columns = {column["name"]: column["type"] for column in answer["columns"]}
    assert set(VIEWS[view].split()) <= set(columns)
    if view in ("runs", "task_runs"):
        assert (columns["tags"], columns["duration"], columns["start_time"]) == (
            "VARCHAR[]",
            "DOUBLE",
            "TIMESTAMP",
        )
