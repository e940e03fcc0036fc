"""The end of a process that runs a flow for somebody else. Reference page: api-ref/python/prefect-engine."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from penstock.exceptions import Abort, Pause, TerminationSignal


@contextmanager
def handle_engine_signals(flow_run_id: UUID | None = None) -> Iterator[None]:
    """End the process as the run inside the `with` block asks for.

    `Abort` (the run belongs to somebody else) and `Pause` (it goes on later) end it with status 0, an error with
    status 1, a termination signal by that signal. A run that completes leaves the process running.

    Args:
        flow_run_id: for the log.

    Example:
        >>> with handle_engine_signals():
        ...     pass
    """
    run = f"flow run {flow_run_id}" if flow_run_id else "the flow run"
    logger = logging.getLogger("penstock.engine")
    try:
        yield
    except Abort as abort:
        logger.info("Engine execution of %s was aborted: %s", run, abort)
        sys.exit(0)
    except Pause:
        logger.info("Engine execution of %s is paused; the run is resubmitted when it is resumed.", run)
        sys.exit(0)
    except TerminationSignal as stop:
        logger.info("Engine execution of %s was terminated by signal %s.", run, stop.signal)
        signal.signal(stop.signal, signal.SIG_DFL)
        os.kill(os.getpid(), stop.signal)
    except Exception:
        logger.exception("Engine execution of %s ended with an error", run)
        sys.exit(1)


__all__ = ["handle_engine_signals"]
