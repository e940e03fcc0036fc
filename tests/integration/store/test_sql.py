from __future__ import annotations

from pathlib import Path

import pytest

#: Written into by nobody: what an escape would leave behind.
OUT = "/tmp/penstock_escape"
#: S9: what is no SELECT, what looks like one, what reads files, what acts on the process.
ESCAPES = [
    "INSERT INTO raw.fence VALUES ('c', 0, 0, uuid())",
    "UPDATE raw.flow_run SET name = 'x'",
    "DELETE FROM raw.flow_run",
    "TRUNCATE raw.flow_run",
    "MERGE INTO raw.fence USING raw.flow_run ON false WHEN MATCHED THEN DELETE",
    "WITH x AS (INSERT INTO raw.fence VALUES ('c', 0, 0, uuid()) RETURNING 1) SELECT * FROM x",
    "WITH x AS (DELETE FROM raw.flow_run RETURNING 1) FROM x",
    "WITH x AS MATERIALIZED (UPDATE raw.flow_run SET name = 'x' RETURNING 1) SELECT count(*) FROM x",
    "DROP VIEW runs",
    "ALTER TABLE raw.flow_run DROP COLUMN name",
    "CREATE TABLE raw.mine (a INTEGER)",
    "CREATE TEMP TABLE mine AS SELECT 1",
    "CREATE OR REPLACE VIEW runs AS SELECT 1",
    "CREATE MACRO mine() AS 1",
    "CREATE SECRET (TYPE http)",
    "COMMENT ON VIEW runs IS 'x'",
    f"COPY (SELECT 1) TO '{OUT}'",
    f"COPY raw.flow_run FROM '{OUT}'",
    f"COPY FROM DATABASE store TO '{OUT}'",
    f"EXPORT DATABASE '{OUT}'",
    f"IMPORT DATABASE '{OUT}'",
    f"ATTACH '{OUT}.duckdb'",
    "ATTACH ':memory:' AS mine",
    "DETACH store",
    "USE memory",
    "INSTALL httpfs",
    "FORCE INSTALL httpfs FROM 'http://127.0.0.1:1'",
    "LOAD httpfs",
    "UPDATE EXTENSIONS",
    "SET enable_external_access = true",
    "SET GLOBAL allowed_directories = ['/']",
    "RESET enable_external_access",
    "SET VARIABLE x = 1",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "CHECKPOINT",
    "VACUUM",
    "CALL pragma_version()",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "PREPARE x AS SELECT 1",
    "EXPLAIN ANALYZE SELECT 1",
    "SELECT 1; DELETE FROM raw.flow_run",
    "SELECT 1 /* */; /* ; */ DROP VIEW runs --",
    f"SELECT 1) TO '{OUT}' (FORMAT csv) --",
    f"SELECT 1\n) TO '{OUT}'; --",
    "SELECT 1 /* not closed",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM READ_CSV_AUTO('/etc/passwd')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_parquet('/etc/*')",
    "SELECT * FROM read_duckdb('/etc/passwd')",
    "SELECT * FROM parquet_metadata('/etc/passwd')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM '/etc/passwd'",
    "FROM '/etc/*.csv'",
    'FROM "/etc/passwd.parquet"',
    "FROM 'https://127.0.0.1:1/x.parquet'",
    "FROM 's3://bucket/x.csv'",
    "FROM read_text('transfer/' || '../store.lock')",
    "SELECT (SELECT count(*) FROM glob('/*'))",
    "SELECT 1 WHERE EXISTS (FROM read_text('/etc/passwd'))",
    "WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT 2 FROM read_text('/etc/passwd')) FROM r",
    "FROM range(1), LATERAL (FROM read_text('/etc/passwd'))",
    "FROM query('FROM read_text(''/etc/passwd'')')",
    "FROM query_table('runs')",
    "FROM json_execute_serialized_sql('{}')",
    "FROM pandas_scan(1)",
    "FROM arrow_scan(1::UBIGINT::POINTER, 1::UBIGINT::POINTER, 1::UBIGINT::POINTER)",
    "FROM python_map_function(1)",
    "FROM checkpoint()",
    "FROM force_checkpoint()",
    "FROM enable_logging()",
    "FROM duckdb_secrets()",
    "FROM which_secret('x', 'http')",
    "FROM create_external_resource('x')",
    "FROM sys",
    "FROM os",
    "SELECT getenv('HOME')",
    "SELECT sleep_ms(10000)",
    "SELECT write_log('x')",
    "SELECT nextval('x')",
    "",
    " -- nothing",
]


@pytest.fixture(scope="module")
def filled(shared):
    shared.create()
    return shared.sql("SELECT id FROM runs ORDER BY id")


@pytest.mark.parametrize("sql", ESCAPES)
def test_writes_and_files_are_refused(shared, filled, sql):
    for form in ("json", "parquet"):
        refused = shared.post("/link/sql", {"sql": sql, "format": form})
        assert refused.status == 422, refused.raw
        assert "root:" not in refused.raw.decode()
    assert len(filled) >= 1
    assert shared.sql("SELECT id FROM runs WHERE flow_name = 'demo' ORDER BY id") == filled
    assert shared.sql("SELECT count(*) FROM raw.fence") == [[0]]
    assert not list(Path(OUT).parent.glob(Path(OUT).name + "*"))
    assert not list((shared.home / "transfer").glob("*"))


HARMLESS = {
    "FROM range(3)": 3,
    "DESCRIBE runs": None,
    "SHOW TABLES": None,
    "SELECT unnest([1, 2])": 2,
    "VALUES (1)": 1,
    "SELECT 'DROP VIEW runs; --' AS text": 1,
    "SELECT 1 AS a, 2 AS a -- the end": 1,
    "WITH x AS (SELECT 1) SELECT * FROM x;": 1,
    "SUMMARIZE SELECT 1 AS a": 1,
}


@pytest.mark.parametrize("sql", HARMLESS)
def test_what_only_reads_is_answered_in_both_forms(shared, sql):
    import duckdb

    rows = shared.sql(sql)
    path = Path(shared.post("/link/sql", {"sql": sql, "format": "parquet"}).json["path"])
    try:
        assert path.parent == shared.home / "transfer"
        assert path.stat().st_mode & 0o077 == 0
        found = duckdb.read_parquet(str(path)).fetchall()
    finally:
        path.unlink()
    assert len(found) == len(rows) == (HARMLESS[sql] or max(len(rows), 10))


def test_answers_nobody_fetched_are_gone_after_a_restart(store):
    path = Path(store.post("/link/sql", {"sql": "SELECT 1", "format": "parquet"}).json["path"])
    assert path.exists()
    store.stop()
    store.start()
    assert not path.exists()


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


def test_a_query_that_needs_too_much_memory_is_told_how_to_get_more(shared):
    answer = shared.post("/link/sql", {"sql": "SELECT len(list(range)) FROM range(60000000)", "timeout": 60})
    assert answer.status == 422
    assert "PENSTOCK_STORE_MEMORY_MB" in answer.json["exception_message"]
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
