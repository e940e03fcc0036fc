"""Recording the runs of all tasks of a notebook, here and on workers: what they put out, and what makes them fail."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

from penstock_kernel._cells import CellFunction
from penstock_kernel._cells.recorder import Recorder, owner_of, recorded, recorder
from penstock_kernel._cells.streams import route_streams
from penstock_kernel.cell_output import KernelRecorder
from penstock_kernel.replay import keep_task


def record_here(shell: Any) -> Callable[[Any], AbstractContextManager[None]]:
    """Return what records the runs of this process: where their cell's recorder shows, else where the kernel does."""

    def record(run: Any) -> AbstractContextManager[None]:
        around = recorder.get()
        mine = around.fresh() if around is not None else KernelRecorder(shell, None)
        return _recorded(run, mine, partial(_source_of, run.task))

    return record


def record_elsewhere(task: Any) -> Callable[[Any], AbstractContextManager[None]]:
    """Return what records the runs of a task on workers, which may not have its text."""
    return partial(_record_on_worker, _source_of(task))


def _record_on_worker(source: str, run: Any) -> AbstractContextManager[None]:
    route_streams()
    return _recorded(run, Recorder(), lambda: source)


@contextmanager
def _recorded(run: Any, mine: Recorder, source: Callable[[], str]) -> Iterator[None]:
    try:
        with recorded(owner_of(run), mine):
            yield
    except Exception:
        if run.retry >= run.options.retries and (text := source()):
            keep_task(run, text)
        raise


def _source_of(task: Any) -> str:
    """Return the text of a plain task's function; a task cell is kept with its cell."""
    fn = inspect.unwrap(task.fn)
    if isinstance(fn, CellFunction) or not inspect.isfunction(fn) or "<" in fn.__qualname__:
        return ""
    try:
        return inspect.getsource(fn)
    except (OSError, TypeError):
        return ""
