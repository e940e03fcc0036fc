"""Attributes of the task run that is active here; None, [], {} or 0 outside one. Read on each access.

Reference page: api-ref/python/prefect-runtime-task_run.

    from penstock.runtime import task_run
    task_run.name
"""

from __future__ import annotations

from typing import Any

from penstock._engine.contexts import TaskRunContext
from penstock.runtime._attributes import Getters, attribute
from penstock.runtime._attributes import api_url as _api_url
from penstock.runtime._attributes import ui_url as _ui_url


def get_id() -> str | None:
    """Return the run's id."""
    context = TaskRunContext.get()
    return str(context.task_run.id) if context is not None else None


def get_tags() -> list[str]:
    """Return the run's tags."""
    context = TaskRunContext.get()
    return list(context.task_run.tags) if context is not None else []


def get_run_count() -> int:
    """Return how many times the run has been tried."""
    context = TaskRunContext.get()
    return context.task_run.run_count if context is not None else 0


def get_name() -> str | None:
    """Return the run's name."""
    context = TaskRunContext.get()
    return context.task_run.name if context is not None else None


def get_task_name() -> str | None:
    """Return the task's name."""
    context = TaskRunContext.get()
    name: str | None = context.task.name if context is not None else None
    return name


def get_parameters() -> dict[str, Any]:
    """Return the parameters the task was called with, defaults included."""
    context = TaskRunContext.get()
    return dict(context.parameters) if context is not None else {}


def get_task_run_api_url() -> str | None:
    """Return the run's address in the REST interface, where the setting `api.url` says where that is."""
    return _api_url("task_runs", get_id())


def get_task_run_ui_url() -> str | None:
    """Return the run's page for people, where `ui_url` or `api.url` say where that is."""
    return _ui_url("task-run", get_id())


_GETTERS: Getters = {
    "id": (get_id, str),
    "name": (get_name, str),
    "tags": (get_tags, list),
    "parameters": (get_parameters, dict),
    "run_count": (get_run_count, int),
    "task_name": (get_task_name, str),
    "api_url": (get_task_run_api_url, str),
    "ui_url": (get_task_run_ui_url, str),
}


def __getattr__(name: str) -> Any:
    return attribute("task_run", _GETTERS, name)


def __dir__() -> list[str]:
    return sorted([*__all__, *_GETTERS])


__all__ = [
    "get_id",
    "get_name",
    "get_parameters",
    "get_run_count",
    "get_tags",
    "get_task_name",
    "get_task_run_api_url",
    "get_task_run_ui_url",
]
