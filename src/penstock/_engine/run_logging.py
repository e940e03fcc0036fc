"""Loggers of runs and the `print` that logs. Where records go: `log_handlers`; who hears whom: `log_setup`.

Reference pages: how-to-guides/workflows/add-logging, api-ref/python/prefect-logging-loggers.
"""

from __future__ import annotations

import builtins
import logging
import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from penstock._engine.contexts import FlowRunContext, TaskRunContext
from penstock._engine.log_handlers import PenstockConsoleHandler as ConsoleHandler
from penstock._engine.log_setup import setup_logging as setup_logging
from penstock._engine.log_setup import silence_console as silence_console
from penstock._engine.log_setup import undo_logging as undo_logging
from penstock._ids import id_text
from penstock._values.runs import FlowRun, TaskRun
from penstock.exceptions import MissingContextError

_FLOW = logging.getLogger("penstock.flow_runs")
_TASK = logging.getLogger("penstock.task_runs")


class PenstockLogAdapter(logging.LoggerAdapter[logging.Logger]):
    """A logger that knows its run; fields given per call are kept beside the run's own."""

    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        """Merge the fields."""
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs

    def tell(self, level: int, message: str, *args: Any) -> None:
        """Log a line of the engine's own: who called is not looked up, which costs as much as keeping the line."""
        logger = self.logger
        if not logger.isEnabledFor(level):
            return
        if logging.getLogRecordFactory() is not logging.LogRecord:
            self.log(level, message, *args)
            return
        logger.handle(_own_record(logger.name, level, message, args, self.extra))

    def getChild(self, suffix: str, extra: dict[str, Any] | None = None) -> PenstockLogAdapter:  # noqa: N802
        """Return an adapter of the child logger with more fields."""
        return PenstockLogAdapter(self.logger.getChild(suffix), {**(self.extra or {}), **(extra or {})})


RunLogAdapter = PenstockLogAdapter

#: What every record of the engine's own says of where it was made.
_PLACE: dict[str, Any] = {
    "pathname": __file__,
    "filename": "run_logging.py",
    "module": "run_logging",
    "lineno": 0,
    "funcName": "tell",
    "exc_info": None,
    "exc_text": None,
    "stack_info": None,
    "processName": "MainProcess",
    "taskName": None,
    # The line of a run that has ended says nothing its last state does not: it may wait for the next event.
    "held": True,
}


def _own_record(
    name: str, level: int, message: str, args: tuple[Any, ...], extra: Mapping[str, object] | None
) -> logging.LogRecord:
    """Make a record without asking for what is known already."""
    now = time.time()
    record = logging.LogRecord.__new__(logging.LogRecord)
    record.__dict__ = {
        **_PLACE,
        **(extra or {}),
        "name": name,
        "msg": message,
        "args": args,
        "levelno": level,
        "levelname": logging.getLevelName(level),
        "created": now,
        "msecs": int(now % 1 * 1000) + 0.0,
        "relativeCreated": 0.0,
        "thread": threading.get_ident(),
        "threadName": threading.current_thread().name,
        "process": os.getpid(),
    }
    return record


def flow_run_logger(flow_run: FlowRun, flow: Any = None, **kwargs: Any) -> PenstockLogAdapter:
    """Return the logger of a flow run.

    Args:
        flow_run: the run.
        flow: its flow, for the name.
        kwargs: further fields of every record.
    """
    return PenstockLogAdapter(
        _FLOW,
        {
            "flow_run_name": flow_run.name,
            "flow_run_id": id_text(flow_run.id),
            "flow_name": getattr(flow, "name", flow_run.flow_name),
            **kwargs,
        },
    )


def task_run_logger(
    task_run: TaskRun, task: Any = None, flow_run: FlowRun | None = None, flow: Any = None, **kwargs: Any
) -> PenstockLogAdapter:
    """Return the logger of a task run; see `flow_run_logger`.

    Args:
        task_run: the run.
        task: its task, for the name.
        flow_run: the flow run around it; the active one when not given.
        flow: the flow of that.
        kwargs: further fields of every record.
    """
    if flow_run is None and (around := FlowRunContext.get()) is not None:
        flow_run, flow = around.flow_run, flow or around.flow
    return PenstockLogAdapter(
        _TASK,
        {
            "task_run_id": id_text(task_run.id),
            "flow_run_id": id_text(task_run.flow_run_id) if task_run.flow_run_id else None,
            "task_run_name": task_run.name,
            "task_name": getattr(task, "name", task_run.task_name),
            "flow_run_name": flow_run.name if flow_run else "<unknown>",
            "flow_name": flow.name if flow else "<unknown>",
            **kwargs,
        },
    )


def get_run_logger(context: Any = None, **kwargs: Any) -> PenstockLogAdapter:
    """Return the logger of the run that is active here.

    Args:
        context: a run context to use instead.
        kwargs: further fields of every record.

    Raises:
        MissingContextError: no run is active.

    Example:
        >>> @flow
        ... def greet():
        ...     get_run_logger().info("hello")
    """
    setup_logging()
    task_context = context if isinstance(context, TaskRunContext) else TaskRunContext.get()
    flow_context = context if isinstance(context, FlowRunContext) else FlowRunContext.get()
    if task_context is not None and not isinstance(context, FlowRunContext):
        return task_run_logger(
            task_context.task_run,
            task_context.task,
            flow_context.flow_run if flow_context else None,
            flow_context.flow if flow_context else None,
            **kwargs,
        )
    if flow_context is not None:
        return flow_run_logger(flow_context.flow_run, flow_context.flow, **kwargs)
    if _FLOW.disabled and _TASK.disabled:
        return PenstockLogAdapter(_nowhere(), dict(kwargs))
    raise MissingContextError(
        "There is no active flow or task run context. Call get_run_logger inside a flow or a task, test a function "
        "with `with disable_run_logger():` around it, or take penstock.logging.get_logger, whose records are not kept."
    )


def _nowhere() -> logging.Logger:
    logger = logging.getLogger("null")
    logger.disabled = True
    return logger


_first_print = _real_print = builtins.print


class _Printing(threading.local):
    """Says whether this thread is inside the `print` we took the place of; it may be built on ours."""

    now = False


_printing = _Printing()


def print_as_log(*args: Any, **kwargs: Any) -> None:
    """Print; inside a run that logs prints, write an INFO log of the run instead."""
    task_context = TaskRunContext.get()
    context = task_context or FlowRunContext.get()
    if context is None or not context.log_prints or kwargs.get("file") not in (None, sys.stdout, sys.stderr):
        _print(args, kwargs)
        return
    separator = " " if kwargs.get("sep") is None else str(kwargs["sep"])
    end = "\n" if kwargs.get("end") is None else str(kwargs["end"])
    get_run_logger().info("%s", (separator.join(str(arg) for arg in args) + end).removesuffix("\n"))


def _print(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if _printing.now:
        _first_print(*args, **kwargs)
        return
    _printing.now = True
    try:
        _real_print(*args, **kwargs)
    finally:
        _printing.now = False


class _Patched:
    """What `patch_print` returns: the end of a `with` block gives `print` back if its beginning took it."""

    def __init__(self, *, taken: bool) -> None:
        self._taken = taken

    def __enter__(self) -> None:
        """`print` is patched already."""

    def __exit__(self, *_: object) -> None:
        if self._taken and builtins.print is print_as_log:
            builtins.print = _real_print


def unpatch_print() -> None:
    """Undo `patch_print`, where nobody has patched `print` since."""
    if builtins.print is print_as_log:
        builtins.print = _real_print


def patch_print() -> _Patched:
    """Make `print` look whether it is inside a run that logs prints: for good, or for a `with` block."""
    if builtins.print is print_as_log:
        return _Patched(taken=False)
    global _real_print
    _real_print = builtins.print
    builtins.print = print_as_log
    return _Patched(taken=True)


__all__ = [
    "ConsoleHandler",
    "MissingContextError",
    "PenstockLogAdapter",
    "RunLogAdapter",
    "flow_run_logger",
    "get_run_logger",
    "patch_print",
    "print_as_log",
    "setup_logging",
    "silence_console",
    "task_run_logger",
    "undo_logging",
    "unpatch_print",
]
