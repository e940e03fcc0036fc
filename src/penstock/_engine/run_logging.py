"""Logs of runs: to the store with their run's id, and to the console for people.

Reference pages: how-to-guides/workflows/add-logging, advanced/logging-customization.
"""

from __future__ import annotations

import builtins
import logging
import sys
import threading
from typing import Any

from penstock._engine.contexts import FlowRunContext, TaskRunContext
from penstock._engine.observers import tell
from penstock._link.session import current_session
from penstock._values.runs import FlowRun, TaskRun
from penstock.exceptions import MissingContextError
from penstock.settings import get_current_settings

_FLOW = "penstock.flow_runs"
_TASK = "penstock.task_runs"


class StoreHandler(logging.Handler):
    """Journals records that belong to a run.

    Args:
        max_size: longer messages are cut to so many characters.
    """

    def __init__(self, max_size: int) -> None:
        super().__init__()
        self._max_size = max_size

    def emit(self, record: logging.LogRecord) -> None:
        """Write one `log` line; a message that is too long is cut."""
        flow_run_id = getattr(record, "flow_run_id", None)
        task_run_id = getattr(record, "task_run_id", None)
        if flow_run_id is None and task_run_id is None:
            return
        try:
            message = record.getMessage()
            if record.exc_info:
                message += "\n" + logging.Formatter().formatException(record.exc_info)
            if len(message) > self._max_size:
                message = message[: self._max_size] + "... [truncated]"
            body = {
                "flow_run_id": flow_run_id,
                "task_run_id": task_run_id,
                "level": record.levelno,
                "logger": record.name,
                "message": message,
            }
            at = int(record.created * 1_000_000)
            current_session().emit("log", body, at)
            tell("log", {**body, "task_name": getattr(record, "task_name", None)}, at)
        except Exception:
            self.handleError(record)


class ConsoleFormatter(logging.Formatter):
    """``12:00:00.000 | INFO    | Flow run 'name' - message``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        if (name := getattr(record, "task_run_name", None)) is not None:
            about = f"Task run {name!r} - "
        elif (name := getattr(record, "flow_run_name", None)) is not None:
            about = f"Flow run {name!r} - "
        else:
            about = f"{record.name} - "
        when = self.formatTime(record, "%H:%M:%S")
        text = f"{when}.{record.msecs:03.0f} | {record.levelname:<7} | {about}{record.getMessage()}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text


class ConsoleHandler(logging.StreamHandler[Any]):
    """Writes to whatever `sys.stderr` is at the time."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        """The present stderr."""
        return sys.stderr

    @stream.setter
    def stream(self, value: Any) -> None:  # pragma: no cover - StreamHandler wants a setter
        pass


_lock = threading.Lock()
_ready = False


def setup_logging(*, console: bool = True) -> None:
    """Attach the store (and console) handler to the `penstock` logger, once.

    Args:
        console: False where somebody else shows the logs, such as the panel of a notebook, or a worker whose
            stderr is not the user's.
    """
    global _ready
    with _lock:
        if _ready:
            return
        root = logging.getLogger("penstock")
        settings = get_current_settings()
        if settings.logging_to_api_enabled:
            root.addHandler(StoreHandler(settings.logging_to_api_max_log_size))
        if console:
            handler = ConsoleHandler()
            handler.setFormatter(ConsoleFormatter())
            root.addHandler(handler)
        if root.level == logging.NOTSET:
            root.setLevel(settings.logging_level.upper())
        root.propagate = False
        _ready = True


def silence_console() -> None:
    """Take the console handler off (the notebook's panel shows the logs)."""
    setup_logging(console=False)
    root = logging.getLogger("penstock")
    for handler in [h for h in root.handlers if isinstance(h, ConsoleHandler)]:
        root.removeHandler(handler)


class RunLogAdapter(logging.LoggerAdapter[logging.Logger]):
    """A logger that knows its run; fields given per call are kept beside the run's own."""

    def process(self, msg: Any, kwargs: Any) -> tuple[Any, Any]:
        """Merge the fields."""
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs

    def getChild(self, suffix: str, extra: dict[str, Any] | None = None) -> RunLogAdapter:  # noqa: N802
        """Return an adapter of the child logger with more fields."""
        return RunLogAdapter(self.logger.getChild(suffix), {**(self.extra or {}), **(extra or {})})


def flow_run_logger(flow_run: FlowRun, flow: Any = None, **kwargs: Any) -> RunLogAdapter:
    """Return the logger of a flow run.

    Args:
        flow_run: the run.
        flow: its flow, for the name.
        kwargs: further fields of every record.
    """
    return RunLogAdapter(
        logging.getLogger(_FLOW),
        {
            "flow_run_name": flow_run.name,
            "flow_run_id": str(flow_run.id),
            "flow_name": getattr(flow, "name", flow_run.flow_name),
            **kwargs,
        },
    )


def task_run_logger(
    task_run: TaskRun, task: Any = None, flow_run: FlowRun | None = None, flow: Any = None, **kwargs: Any
) -> RunLogAdapter:
    """Return the logger of a task run; see `flow_run_logger`."""
    return RunLogAdapter(
        logging.getLogger(_TASK),
        {
            "task_run_id": str(task_run.id),
            "flow_run_id": str(task_run.flow_run_id) if task_run.flow_run_id else None,
            "task_run_name": task_run.name,
            "task_name": getattr(task, "name", task_run.task_name),
            "flow_run_name": flow_run.name if flow_run else "<unknown>",
            "flow_name": flow.name if flow else "<unknown>",
            **kwargs,
        },
    )


def get_run_logger(context: Any = None, **kwargs: Any) -> RunLogAdapter:
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
    raise MissingContextError("There is no active flow or task run context.")


_real_print = builtins.print


def print_as_log(*args: Any, **kwargs: Any) -> None:
    """Print; inside a run that logs prints, write an INFO log of the run instead."""
    task_context = TaskRunContext.get()
    context = task_context or FlowRunContext.get()
    if context is None or not context.log_prints or kwargs.get("file") not in (None, sys.stdout, sys.stderr):
        _real_print(*args, **kwargs)
        return
    separator = " " if kwargs.get("sep") is None else str(kwargs["sep"])
    end = "\n" if kwargs.get("end") is None else str(kwargs["end"])
    get_run_logger().info("%s", (separator.join(str(arg) for arg in args) + end).removesuffix("\n"))


def patch_print() -> None:
    """Make `print` look whether it is inside a run that logs prints; once a process, for good."""
    if builtins.print is not print_as_log:
        global _real_print
        _real_print = builtins.print
        builtins.print = print_as_log


__all__ = ["MissingContextError", "RunLogAdapter", "get_run_logger", "setup_logging"]
