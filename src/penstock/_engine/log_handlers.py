"""Where records go: to the store with their run's ids, and to the console for people.

Reference page: api-ref/python/prefect-logging-handlers. The journal of this process is the queue between a record and
the store, so that logs survive a crash, and the thread that ships the journal is what the reference calls the worker.
"""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from typing import Any

from penstock._engine.contexts import FlowRunContext, TaskRunContext
from penstock._engine.observers import tell, watched
from penstock._link import session as sessions
from penstock.exceptions import MissingContextError
from penstock.settings import get_current_settings

#: Seconds `flush` waits for the store.
_PATIENCE = 10.0
_tracebacks = logging.Formatter()


class _Busy(threading.local):
    """Says whether this thread is about to keep a record: what is logged meanwhile is not kept."""

    now = False


_busy = _Busy()


class APILogWorker:
    """What ships logs to the store: the sender of this process's journal.

    Example:
        >>> APILogWorker.instance().max_batch_size
        4000000
    """

    _instance: APILogWorker | None = None

    @classmethod
    def instance(cls, *args: Any) -> APILogWorker:
        """Return the worker of this process."""
        if cls._instance is None:
            cls._instance = cls()
        return cls._instance

    @property
    def max_batch_size(self) -> int:
        """The setting `logging.to_api.batch_size`, at least the size of one record."""
        settings = get_current_settings()
        return int(max(settings.logging_to_api_batch_size, settings.logging_to_api_max_log_size))

    @property
    def min_interval(self) -> float | None:
        """The setting `logging.to_api.batch_interval`, in seconds."""
        seconds: float = get_current_settings().logging_to_api_batch_interval
        return seconds

    def send(self, body: dict[str, Any], at: int) -> None:
        """Journal one record; it travels with the next batch."""
        sessions.current_session().emit("log", body, at)

    def drain(self, timeout: float = _PATIENCE) -> bool:
        """Wait until the store has every record of this process; False when the time is up."""
        answers = [session.drain(timeout) for session in list(sessions._sessions.values())]
        return all(answers)


class APILogHandler(logging.Handler):
    """Keeps records that belong to a run.

    The run is the one named in the record (`flow_run_id`, `task_run_id`), else the one that is active here.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, unless `logging.to_api.enabled` says no."""
        if _busy.now or not get_current_settings().logging_to_api_enabled:
            return
        if not record.__dict__.get("send_to_api", True):
            return
        _busy.now = True
        try:
            body = self.prepare(record)
            at = int(record.created * 1_000_000)
            sessions.current_session().emit("log", body, at, hold="held" in record.__dict__)
            if watched():
                tell("log", {**body, "task_name": getattr(record, "task_name", None)}, at)
        except Exception:
            self.handleError(record)
        finally:
            _busy.now = False

    def prepare(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return what is kept of a record; a message that is too long is cut.

        Raises:
            MissingContextError: the record belongs to no run.
        """
        flow_run_id, task_run_id = _run_of(record)
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + _tracebacks.formatException(record.exc_info)
        if record.stack_info:
            message += "\n" + record.stack_info
        limit = get_current_settings().logging_to_api_max_log_size
        if len(message) > limit:
            message = message[:limit] + "... [truncated]"
        return {
            "flow_run_id": flow_run_id,
            "task_run_id": task_run_id,
            "level": record.levelno,
            "logger": record.name,
            "message": message,
        }

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Do what `logging.to_api.when_missing_flow` says of a record without a run; report other errors on stderr.

        Raises:
            MissingContextError: the record belongs to no run and the setting says "error".
        """
        error = sys.exc_info()[1]
        if not isinstance(error, MissingContextError):
            super().handleError(record)
            return
        policy = get_current_settings().logging_to_api_when_missing_flow
        if policy == "error":
            raise error
        if policy == "warn":
            warnings.warn(str(error), stacklevel=8)

    def flush(self) -> None:
        """Wait until the store has every record; inside an event loop only `aflush` waits."""
        running = sys.modules.get("asyncio")
        if running is not None and running._get_running_loop() is not None:
            return
        APILogWorker.instance().drain()

    @classmethod
    async def aflush(cls) -> None:
        """Wait until the store has every record."""
        import asyncio

        await asyncio.to_thread(APILogWorker.instance().drain)


class WorkerAPILogHandler(APILogHandler):
    """Keeps records of workers: those with a `worker_id`."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record that has a `worker_id`."""
        if getattr(record, "worker_id", None) is not None:
            super().emit(record)

    def prepare(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return what is kept of a record, with the worker's id."""
        record.flow_run_id = getattr(record, "flow_run_id", None)
        worker = str(record.worker_id)  # type: ignore[attr-defined]
        try:
            body = super().prepare(record)
        except MissingContextError:
            ids = {"flow_run_id": None, "task_run_id": None}
            body = {**ids, "level": record.levelno, "logger": record.name, "message": record.getMessage()}
        return {**body, "worker_id": worker}


def _run_of(record: logging.LogRecord) -> tuple[str | None, str | None]:
    """Return the ids of the flow run and the task run a record belongs to."""
    about = record.__dict__
    flow_run_id, task_run_id = about.get("flow_run_id"), about.get("task_run_id")
    if flow_run_id is None and task_run_id is None:
        task, flow = TaskRunContext.get(), FlowRunContext.get()
        if task is not None:
            flow_run_id, task_run_id = task.task_run.flow_run_id, task.task_run.id
        elif flow is not None:
            flow_run_id = flow.flow_run.id
        else:
            raise MissingContextError(
                f"Logger {record.name!r} logged something for the store outside any run, so it is not kept. Log "
                "inside a flow or task, give `extra={'flow_run_id': ...}`, or set "
                "PENSTOCK_LOGGING_TO_API_WHEN_MISSING_FLOW=ignore."
            )
    return _text(flow_run_id), _text(task_run_id)


def _text(value: Any) -> str | None:
    return value if value is None or type(value) is str else str(value)


class PenstockConsoleHandler(logging.StreamHandler[Any]):
    """Writes to a terminal in colours, elsewhere plainly.

    Args:
        stream: where to; whatever `sys.stderr` is at the time when not given.
        highlighter: a class of `rich.highlighter.Highlighter`; `PrefectConsoleHighlighter` when not given.
        styles: styles of rich by the name of what is highlighted, such as ``{"log.info_level": "green"}``.
        level: records below it are not written.
    """

    def __init__(
        self,
        stream: Any = None,
        highlighter: Any = None,
        styles: dict[str, str] | None = None,
        level: int | str = logging.NOTSET,
    ) -> None:
        logging.Handler.__init__(self, level)
        self._stream = stream
        self._highlighter = highlighter
        self._styles = styles
        self._console: Any = None
        #: The stream that was asked last whether it is a terminal, and what it said.
        self._terminal: tuple[Any, bool] = (None, False)

    @property
    def stream(self) -> Any:
        """Where lines go now."""
        return sys.stderr if self._stream is None else self._stream

    @stream.setter
    def stream(self, value: Any) -> None:
        self._stream = value

    @property
    def console(self) -> Any:
        """The console of rich that writes to the present stream."""
        stream = self.stream
        if self._console is None or self._console.file is not stream:
            self._console = self._make_console(stream)
        return self._console

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        stream = self.stream
        try:
            settings = get_current_settings()
            if settings.logging_markup or (self._is_terminal(stream) and settings.logging_colors):
                text = self.format(record)
                self.console.print(text, soft_wrap=True, markup=settings.logging_markup)
                self.flush()
                return
            stream.write(self.format(record) + self.terminator)
            self.flush()
        except RecursionError:
            raise
        except Exception:
            self.handleError(record)

    def _is_terminal(self, stream: Any) -> bool:
        known, answer = self._terminal
        if known is not stream:
            answer = bool(stream.isatty())
            self._terminal = (stream, answer)
        return answer

    def _make_console(self, stream: Any) -> Any:
        from rich.console import Console
        from rich.theme import Theme

        from penstock._engine.log_styles import DEFAULT_STYLES, PenstockConsoleHighlighter

        if not get_current_settings().logging_colors:
            return Console(file=stream, highlighter=None, color_system=None, soft_wrap=True)
        highlighter = self._highlighter or PenstockConsoleHighlighter
        return Console(
            file=stream,
            highlighter=highlighter() if isinstance(highlighter, type) else highlighter,
            theme=Theme({**DEFAULT_STYLES, **(self._styles or {})}),
            soft_wrap=True,
        )
