"""Task workers that ask for work. Reference pages: rest-api/server/task-workers."""

from __future__ import annotations

from typing import Any

from penstock._store.background import describe
from penstock._store.bodies import TaskWorkersFilter
from penstock._store.routes.web import Answer, Ask, Route


def find(ask: Ask) -> Answer:
    """List the task workers that serve one of these tasks; all of them without a filter."""
    wanted = ask.read(TaskWorkersFilter).task_worker_filter
    keys = wanted.task_keys if wanted is not None else None

    def look(core: Any) -> list[dict[str, Any]]:
        return describe(core.background, keys)

    return 200, ask.call(look)


ROUTES = [
    Route(
        "POST",
        "/task_workers/filter",
        find,
        TaskWorkersFilter,
        {"type": "array", "items": "TaskWorkerResponse"},
    )
]
