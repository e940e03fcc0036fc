"""A whole snapshot with something of everything."""

from __future__ import annotations

import enum
import json
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

CHART = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='360' height='90'%3E"
    "%3Cpath d='M0 80L60 62 120 66 180 30 240 38 300 12 360 24' fill='none' stroke='%23e8590c' stroke-width='3'/%3E%3C/svg%3E"
).replace(" ", "%20")


def _task(
    name: str, order: int, total: int, upstream: list[str], seconds: float, **counts: int
) -> dict[str, Any]:
    retries, cached = counts.pop("retries", 0), counts.pop("cached", 0)
    return {
        "name": name,
        "total": total,
        "counts": counts,
        "cached": cached,
        "retries": retries,
        "order": order,
        "upstream": upstream,
        "seconds": seconds,
    }


def form_schema() -> dict[str, Any]:
    """Return the schema of a pydantic model, as the engine would send it."""
    from datetime import date

    from pydantic import BaseModel, Field

    class Carrier(enum.StrEnum):
        UA = "UA"
        DL = "DL"
        AA = "AA"

    class Contact(BaseModel):
        name: str = Field(min_length=2, title="Name")
        email: str | None = Field(None, description="Where the report goes.")

    class Review(BaseModel):
        threshold: int = Field(
            15, ge=0, le=180, title="Delay threshold", description="Minutes; above it a flight is *late*."
        )
        share: float = Field(0.1, gt=0, lt=1, title="Sample share")
        carrier: Carrier = Field(Carrier.UA, description="Whose flights to look at first.")
        airports: list[Literal["JFK", "LGA", "EWR"]] = Field(["JFK"], min_length=1, title="Airports")
        until: date | None = Field(None, title="Until")
        approve: bool = Field(False, title="Publish the report", description="It is sent to everyone.")
        contact: Contact
        comment: str = Field("", max_length=400, title="Comment")

    return Review.model_json_schema()


def sample_snapshot() -> dict[str, Any]:
    """Return the snapshot of a paused run on flight delays."""
    started = (datetime.now(UTC) - timedelta(seconds=83)).isoformat()
    counts = {"COMPLETED": 8, "RUNNING": 2, "FAILED": 1, "PENDING": 1}
    rows = [
        {
            "carrier": code,
            "flights": 1000 + 37 * i,
            "mean_delay": round(12.5 - 1.37 * i, 2),
            "late": i % 3 == 0,
        }
        for i, code in enumerate(
            ["UA", "DL", "AA", "WN", "B6", "EV", "MQ", "US", "9E", "FL", "VX", "AS", "F9", "YV"]
        )
    ]
    return {
        "run": {
            "id": "0190a0c4-5b1e-7000-8000-000000000001",
            "name": "golden-heron",
            "flow_name": "flight-delays",
            "state_type": "PAUSED",
            "state_name": "Paused",
            "message": "Waiting for the review of the delays",
            "runner": "DaskTaskRunner",
            "started": started,
            "ended": None,
        },
        "tasks": {
            task["name"]: task
            for task in (
                _task("load_flights", 0, 1, [], 2.31, COMPLETED=1, cached=1),
                _task("load_weather", 1, 1, [], 0.42, COMPLETED=1),
                _task("clean", 2, 1, ["load_flights"], 0.8, COMPLETED=1, retries=1),
                _task("month_delays", 3, 12, ["clean", "load_weather"], 74.2, retries=2, **counts),
                _task("worst_carriers", 4, 1, ["clean"], 0, RUNNING=1),
                _task("report", 5, 1, ["month_delays", "worst_carriers"], 0, PENDING=1),
            )
        },
        "artifacts": {
            "a1": {
                "id": "a1",
                "key": "summary",
                "type": "markdown",
                "description": "What was found",
                "data": "## Delays in 2013\n\nMost delay came from **weather** in `July`; see [the data](https://example.org/flights).\n\n"
                "- 336 776 flights\n- 12 months\n  - *July* was worst\n\n| month | delay |\n|:--|--:|\n| 6 | 20.8 |\n| 7 | 21.7 |\n\n```\nSELECT * FROM runs\n```",
                "order": 0,
            },
            "a2": {
                "id": "a2",
                "key": "carriers",
                "type": "table",
                "description": "Mean departure delay",
                "data": json.dumps(rows),
                "order": 1,
            },
            "a3": {
                "id": "a3",
                "key": "training",
                "type": "progress",
                "description": "Fitting",
                "data": 62.5,
                "order": 2,
            },
            "a4": {
                "id": "a4",
                "key": "delay-chart",
                "type": "image",
                "description": "Delay by month",
                "data": CHART,
                "order": 3,
            },
        },
        "pauses": {
            "p1": {
                "id": "p1",
                "key": "review",
                "state": "waiting",
                "title": "Review the delays",
                "description": "The numbers are in. **Check them**, then let the run go on.",
                "schema": form_schema(),
                "values": {"contact": {"name": "Ada"}},
                "errors": {},
                "answered_via": None,
            }
        },
        "logs": {
            "lines": [
                {
                    "at": "2026-01-02T10:00:00.100+00:00",
                    "level": "INFO",
                    "text": "Beginning flow run",
                    "task": "",
                },
                {
                    "at": "2026-01-02T10:00:02.100+00:00",
                    "level": "WARNING",
                    "text": "9 rows without tail number",
                    "task": "clean",
                },
                {
                    "at": "2026-01-02T10:00:03.100+00:00",
                    "level": "ERROR",
                    "text": "Month 7: file not found",
                    "task": "month_delays",
                },
            ],
            "dropped": 0,
        },
    }
