"""Attributes of the task run that is active here; None, [] or {} outside one. Read on each access."""

from __future__ import annotations

from typing import Any

from penstock._engine.contexts import TaskRunContext


def _attribute(name: str) -> Any:
    context = TaskRunContext.get()
    run = context.task_run if context else None
    values: dict[str, Any] = {
        "id": str(run.id) if run else None,
        "name": run.name if run else None,
        "tags": list(run.tags) if run else [],
        "parameters": dict(context.parameters) if context else {},
        "run_count": run.run_count if run else 0,
        "task_name": context.task.name if context else None,
        "api_url": None,
        "ui_url": None,
    }
    if name not in values:
        raise AttributeError(f"module 'penstock.runtime.task_run' has no attribute {name!r}")
    return values[name]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return _attribute(name)


__all__: list[str] = []
