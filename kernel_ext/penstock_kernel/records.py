"""Rows of the store for the magics that show runs, and finding the run a user means."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from penstock._link.client import store
from penstock._link.session import current_session
from penstock.exceptions import ConfigurationError, PenstockException


def rows(sql: str, limit: int = 10_000) -> list[dict[str, Any]]:
    """Return the rows of one SELECT over the public views, this process's newest events included."""
    current_session().drain()
    answer = store().request("POST", "/link/sql", {"sql": sql, "limit": limit, "timeout": 30.0}, timeout=40.0)
    names = [column["name"] for column in answer["columns"]]
    return [dict(zip(names, row, strict=True)) for row in answer["rows"]]


def literal(text: str) -> str:
    """Return a text as SQL.

    Example:
        >>> literal("it's")
        "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class Found:
    """A run somebody meant."""

    #: "flow" or "task".
    kind: str
    id: str
    name: str
    #: Of its flow or task.
    of: str
    flow_run_id: str | None
    state_type: str
    state_name: str


#: Seconds in which what a worker elsewhere wrote reaches the store; its cell may say earlier that it failed.
_ON_ITS_WAY = 2.0
_RUNS = """
select * from (
  select 'flow' as kind, id::varchar as id, name, flow_name as "of", id::varchar as flow_run_id,
         state_type, state_name, created from runs
  union all
  select 'task', id::varchar, name, task_name, flow_run_id::varchar, state_type, state_name, created from task_runs
) where {where} order by created desc limit 1
"""


def find_run(word: str = "", kind: str | None = None, *, failed: bool = False) -> Found:
    """Return the newest run that `word` names.

    Args:
        word: a run's id (or its beginning), its name, or the name of its flow or task; empty for the newest flow
            run that is no notebook session.
        kind: "flow" or "task" to look at those only.
        failed: look at runs that failed only.

    Raises:
        ConfigurationError: there is none.
    """
    text = literal(word)
    where = f'(id like {literal(word + "%")} and length({text}) >= 6 or name = {text} or "of" = {text})'
    if not word:
        where = "kind = 'flow' and \"of\" not like 'notebook: %'"
    if kind is not None:
        where += f" and kind = {literal(kind)}"
    if failed:
        where += " and state_type = 'FAILED'"
    found = rows(_RUNS.format(where=where))
    deadline = time.monotonic() + _ON_ITS_WAY
    while failed and not found and time.monotonic() < deadline:
        time.sleep(0.05)
        found = rows(_RUNS.format(where=where))
    if not found:
        raise ConfigurationError(
            f"There is no {'failed ' if failed else ''}run {word!r}; give the name of a flow, task or run, or the beginning of an id (%runs)"
            if word
            else "There is no flow run yet"
        )
    row = found[0]
    row.pop("created")
    return Found(**row)


def run_meant(magic: str, line: str, kind: str | None = None, *, failed: bool = False) -> Found:
    """Return the run that the line of a magic names (see `find_run`).

    Args:
        magic: its name, which the error begins with.
        line: its argument.
        kind: "flow" or "task" to look at those only.
        failed: look at runs that failed only.

    Raises:
        UsageError: there is none.
    """
    from IPython.core.error import UsageError

    try:
        return find_run(line.strip(), kind, failed=failed)
    except PenstockException as error:
        raise UsageError(f"%{magic}: {error}") from error
