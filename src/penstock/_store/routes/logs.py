"""Logs."""

from __future__ import annotations

from penstock._store import show
from penstock._store.filters import LOGS
from penstock._store.pages import LOG_SORTS, page
from penstock._store.routes.web import Answer, Ask, where


def find(ask: Ask) -> Answer:
    """List log lines."""
    sql, values = where(ask, "logs", LOGS, {})
    end = page(ask.fields, LOG_SORTS, "TIMESTAMP_ASC")
    return 200, [show.log(row) for row in ask.records(f"FROM logs WHERE {sql}{end}", values)]


ROUTES = [("POST", "/logs/filter", find)]
