"""Task runners. Reference pages: concepts/task-runners, api-ref/python/prefect-task_runners.

Runners for clusters are in `penstock_runners` (`pip install 'penstock[dask]'`, `'penstock[ray]'`); their short
names here are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock._engine.runner_port import TaskRunner as TaskRunner
from penstock._engine.thread_runner import ThreadPoolTaskRunner as ThreadPoolTaskRunner
from penstock.exceptions import ConfigurationError

if TYPE_CHECKING:
    from penstock._engine.process_runner import ProcessPoolTaskRunner
    from penstock._engine.runner_port import TaskRunner as DaskTaskRunner
    from penstock._engine.runner_port import TaskRunner as RayTaskRunner
    from penstock._engine.worker_runner import PenstockTaskRunner
    from penstock._engine.worker_runner import PenstockTaskRunner as PrefectTaskRunner

#: Words for runners, as `%runner` and `--runner` take them.
_WORDS = {
    "threads": "ThreadPoolTaskRunner",
    "thread": "ThreadPoolTaskRunner",
    "processes": "ProcessPoolTaskRunner",
    "process": "ProcessPoolTaskRunner",
    "task-workers": "PenstockTaskRunner",
    "dask": "DaskTaskRunner",
    "ray": "RayTaskRunner",
}

_LATE = (
    "DaskTaskRunner",
    "PenstockTaskRunner",
    "PrefectTaskRunner",
    "ProcessPoolTaskRunner",
    "RayTaskRunner",
)


def runner_class(name: str) -> type[TaskRunner]:
    """Return a runner class by word (``threads``, ``processes``, ``dask``, ``ray``) or class name.

    Raises:
        ConfigurationError: no such runner, or the library it needs is not installed (says which extra).
    """
    wanted = _WORDS.get(name, name)
    if wanted == "ThreadPoolTaskRunner":
        return ThreadPoolTaskRunner
    if wanted == "ProcessPoolTaskRunner":
        from penstock._engine.process_runner import ProcessPoolTaskRunner

        return ProcessPoolTaskRunner
    if wanted in ("PenstockTaskRunner", "PrefectTaskRunner"):
        from penstock._engine.worker_runner import PenstockTaskRunner

        return PenstockTaskRunner
    from importlib.metadata import entry_points

    found = {entry.name: entry for entry in entry_points(group="penstock.runners")}
    if wanted not in found:
        known = ", ".join(
            sorted({"threads", "processes", "task-workers", *(w for w, c in _WORDS.items() if c in found)})
        )
        raise ConfigurationError(f"There is no runner {name!r}; choose one of: {known}.")
    try:
        loaded: type[TaskRunner] = found[wanted].load()
    except ImportError as error:
        extra = wanted.removesuffix("TaskRunner").lower()
        raise ConfigurationError(
            f"The runner {name!r} needs a library that is not installed ({error}). "
            f"Run: pip install 'penstock[{extra}]'"
        ) from error
    return loaded


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return runner_class(name)
    raise AttributeError(f"module 'penstock.task_runners' has no attribute {name!r}")


__all__ = [
    "DaskTaskRunner",
    "PenstockTaskRunner",
    "PrefectTaskRunner",
    "ProcessPoolTaskRunner",
    "RayTaskRunner",
    "TaskRunner",
    "ThreadPoolTaskRunner",
    "runner_class",
]
