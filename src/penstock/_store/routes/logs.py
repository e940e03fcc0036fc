"""Logs. Reference pages: rest-api/server/logs, flow-runs/download-logs."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime
from typing import Any

from penstock._store.bodies import LogCreate
from penstock._store.core import Core
from penstock._store.filters import invalid
from penstock._store.live import to_us
from penstock._store.routes.kinds import LOGS_LISTED
from penstock._store.routes.web import Answer, Ask, Route, Text
from penstock._store.shape import model_of
from penstock._store.show import when

_HEADER = ("timestamp", "level", "flow_run_id", "task_run_id", "message")
_MEDIA = "text/csv; charset=utf-8"


def create(ask: Ask) -> Answer:
    """Take a list of log lines."""
    if not isinstance(ask.body, list):
        raise invalid([{"loc": ["body"], "msg": "must be a list of logs", "type": "list_type"}], ask.body)
    lines = [model_of(LogCreate, one) for one in ask.body]

    def write(core: Core) -> None:
        for line in lines:
            body = line.model_dump(mode="json", include={"flow_run_id", "task_run_id", "level", "message"})
            core.emit("log", {**body, "logger": line.name}, to_us(line.timestamp))

    ask.call(write)
    return 201, None


def download(ask: Ask) -> Answer:
    """Return the logs of a flow run as CSV."""
    run_id = ask.id()
    run = ask.one("SELECT name FROM runs WHERE id = ?", [run_id], f"flow run with id {run_id}")
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(_HEADER)
    sql = 'SELECT "timestamp", level, flow_run_id, task_run_id, message FROM logs WHERE flow_run_id = ?'
    for row in ask.store.database.read(f"{sql} ORDER BY at_us, client, seq", [run_id]):
        table.writerow(_cells(row))
    name = re.sub(r"[^A-Za-z0-9._-]", "_", str(run["name"])) or "flow-run"
    disposition = f'attachment; filename="{name}-logs.csv"'.encode()
    return 200, Text(out.getvalue(), _MEDIA, ((b"content-disposition", disposition),))


def _cells(row: tuple[Any, ...]) -> list[Any]:
    cells = [when(cell) if isinstance(cell, datetime) else cell for cell in row]
    # A spreadsheet takes these first characters for the beginning of a formula.
    return [f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@\t\r" else cell for cell in cells]


ROUTES = [
    Route("POST", "/logs/", create, {"type": "array", "items": LogCreate}, status=201),
    *[route for route in LOGS_LISTED.routes("/logs", paged=False) if route.path.endswith("filter")],
    Route("GET", "/flow_runs/{id}/logs/download", download, answer={"type": "string"}, media_type="text/csv"),
]
