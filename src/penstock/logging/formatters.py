"""Formatters. Reference page: api-ref/python/prefect-logging-formatters."""

from __future__ import annotations

import json
import logging
import traceback
from typing import Any, Literal

from penstock._engine.log_formats import PenstockFormatter as PenstockFormatter

PrefectFormatter = PenstockFormatter


def format_exception_info(exc_info: Any) -> dict[str, Any]:
    """Return an exception as a table: its type, its message, its traceback.

    Args:
        exc_info: what `sys.exc_info()` returns.

    Example:
        >>> format_exception_info((ValueError, ValueError("bad"), None))["message"]
        'bad'
    """
    kind, error, trace = exc_info
    if kind is None:
        return {}
    return {
        "type": kind.__name__,
        "message": str(error),
        "traceback": "".join(traceback.format_exception(kind, error, trace)),
    }


class JsonFormatter(logging.Formatter):
    """Formats a record as JSON, with every field it has.

    Args:
        fmt: "pretty" for indents and several lines, "default" for one line.
        dmft, style: as `datefmt` and `style` of `logging.Formatter`; the record's time is in `created` anyway.

    Raises:
        ValueError: another `fmt`.

    Example:
        >>> JsonFormatter("default").format(logging.makeLogRecord({"msg": "hello"}))[:15]
        '{"name":null,"m'
    """

    def __init__(
        self,
        fmt: Literal["pretty", "default"] = "default",
        dmft: str | None = None,
        style: Literal["%", "{", "$"] = "%",
    ) -> None:
        if fmt not in ("pretty", "default"):
            raise ValueError(f"The format must be 'pretty' or 'default', not {fmt!r}.")
        super().__init__(None, dmft, style)
        self._pretty = fmt == "pretty"

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON; values JSON does not know are written as text."""
        fields = {**record.__dict__, "message": record.getMessage()}
        fields["args"] = [str(arg) for arg in record.args] if isinstance(record.args, tuple) else record.args
        fields["exc_info"] = format_exception_info(record.exc_info) if record.exc_info else None
        if self._pretty:
            return json.dumps(fields, indent=2, default=str, ensure_ascii=False)
        return json.dumps(fields, separators=(",", ":"), default=str, ensure_ascii=False)


__all__ = ["JsonFormatter", "PenstockFormatter", "PrefectFormatter", "format_exception_info"]
