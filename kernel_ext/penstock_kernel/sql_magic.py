"""``%%penstock_sql``: one SELECT over the run records, shown as a table and kept under a name when asked for."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from IPython.core.error import UsageError
from IPython.display import display

from penstock._query import query
from penstock.exceptions import StoreRefused, TruncatedWarning
from penstock_kernel.notices import info

_LIMIT = 10_000
_USAGE = "%%penstock_sql [--out NAME] [--limit ROWS] [--quiet]"


@dataclass(frozen=True, slots=True)
class SqlLine:
    """What stands behind ``%%penstock_sql``."""

    out: str | None = None
    limit: int = _LIMIT
    quiet: bool = False


def parse_sql_line(line: str) -> SqlLine:
    """Read the line of the magic.

    Raises:
        UsageError: says what is wrong with it.

    Example:
        >>> parse_sql_line("--out late --limit 5")
        SqlLine(out='late', limit=5, quiet=False)
    """
    words = iter(shlex.split(line))
    out, limit, quiet = None, _LIMIT, False
    for word in words:
        if word in ("--quiet", "-q"):
            quiet = True
        elif word in ("--limit", "-n"):
            limit = _number(next(words, ""))
        elif word in ("--out", "-o"):
            out = _name(next(words, ""))
        elif word.startswith("-") or out is not None:
            raise UsageError(f"%%penstock_sql: {word!r} is not an option; usage: {_USAGE}")
        else:
            out = _name(word)
    return SqlLine(out, limit, quiet)


def run_sql(line: str, cell: str, namespace: dict[str, Any], show: Callable[[Any], Any] = display) -> Any:
    """Run a cell of SQL: bind its DataFrame when asked for, and return it to be shown.

    Raises:
        UsageError: the line or the SQL is wrong.
    """
    options = parse_sql_line(line)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", TruncatedWarning)
        try:
            frame = query(cell, limit=options.limit)
        except StoreRefused as error:
            raise UsageError(f"%%penstock_sql: {error.reason}") from error
    if options.out is not None:
        namespace[options.out] = frame
    if any(issubclass(warning.category, TruncatedWarning) for warning in caught):
        show(info("penstock_sql", f"shows the first {options.limit} rows; there are more (--limit ROWS)"))
    return None if options.quiet else frame


def _name(word: str) -> str:
    if not word.isidentifier():
        raise UsageError(f"%%penstock_sql: {word!r} is not a Python name; usage: {_USAGE}")
    return word


def _number(word: str) -> int:
    if not word.isdigit():
        raise UsageError(f"%%penstock_sql: {word!r} is not a number of rows; usage: {_USAGE}")
    return int(word)
