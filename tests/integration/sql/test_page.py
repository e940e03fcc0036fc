"""`docs/sql.md` says what is: every view, every column with its type, every example runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from penstock import flow, get_run_logger, query, task
from penstock.artifacts import create_markdown_artifact
from penstock.exceptions import TruncatedWarning

PAGE = (Path(__file__).parents[3] / "docs" / "sql.md").read_text()
EXAMPLES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
#: Examples that ask for what the runs below did not do.
EMPTY = ("PAUSED",)


@task
def double(x):
    return 2 * x


@flow(name="etl")
def etl(day):
    get_run_logger().error("something is odd")
    create_markdown_artifact("*done*", key="report")
    return sum(double.map([double.submit(1), 2]).result())


@flow(name="broken")
def broken():
    raise ValueError("on purpose")


@pytest.fixture(scope="module")
def some_runs(shared_home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENSTOCK_HOME", str(shared_home))
        assert etl("2026-02-03") == 8
        assert broken(return_state=True).is_failed()


def documented():
    for section in re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]:
        name = section[1 : section.index("`", 1)]
        yield name, dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", section, re.MULTILINE))


def test_every_view_and_column_is_on_the_page_with_its_type():
    there = {}
    for row in query(
        "SELECT table_name AS view, column_name AS name, data_type AS type FROM duckdb_columns() "
        "WHERE schema_name = 'main' AND NOT internal",
        to="rows",
    ):
        there.setdefault(row["view"], {})[row["name"]] = row["type"]
    page = dict(documented())
    assert len(page) >= 11
    assert page == there


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_runs_and_shows_something(some_runs, example):
    rows = query(example, to="rows")
    assert len(rows) >= 1 or any(word in example for word in EMPTY)


def test_there_are_examples():
    assert len(EXAMPLES) >= 8
    assert sum(any(word in example for word in EMPTY) for example in EXAMPLES) == 1


def test_one_answer_in_every_form(some_runs):
    sql = "SELECT id, name, tags, start_time, run_count FROM runs WHERE flow_name = 'etl' ORDER BY created LIMIT 1"
    (row,) = query(sql, to="rows")
    frame, arrow, relation = query(sql), query(sql, to="arrow"), query(sql, to="relation")
    assert frame["id"][0] == row["id"] == arrow["id"][0].as_py() == relation.fetchall()[0][0]
    assert frame["tags"][0] == row["tags"] == []
    assert str(frame["start_time"].dtype) == "datetime64[us, UTC]"
    assert frame["start_time"][0].isoformat() == row["start_time"] + "+00:00"
    assert relation.aggregate("sum(run_count)").fetchall() == [(1,)]


@pytest.mark.parametrize("to", ["df", "rows", "arrow", "relation"])
def test_a_cut_answer_says_so(to):
    with pytest.warns(TruncatedWarning, match="Only the first 5 rows are here"):
        cut = query("SELECT * FROM range(100)", limit=5, to=to)
    assert len(cut) == 5


def test_an_answer_that_is_just_full_is_not_cut(recwarn):
    assert len(query("SELECT * FROM range(5)", limit=5)) == 5
    assert not recwarn.list


def test_nothing_is_left_behind(some_runs, shared_home):
    query("FROM runs", to="relation").fetchall()
    assert not list((shared_home / "transfer").glob("*"))


def test_the_function_is_not_hidden_by_a_module_of_its_name(script):
    out = script(
        """
        import penstock.cli.store, penstock_kernel.sql_magic, penstock
        print(callable(penstock.query), penstock.query("select 1 as one", to="rows"))
        """
    ).stdout
    assert out.strip() == "True [{'one': 1}]"
