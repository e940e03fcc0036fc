"""Figures of matplotlib belong to the run that opens them, though pyplot keeps them in one place for the process."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from penstock_kernel._cells.late_imports import when_loaded

_HELPERS = "matplotlib._pylab_helpers"
#: Where pyplot keeps the figures of the code that runs here; None for where it always does.
own_figures: ContextVar[OrderedDict[Any, Any] | None] = ContextVar("penstock_figures", default=None)


class _Routed:
    """Stands for pyplot's dictionary of figures: runs of tasks side by side each see their own."""

    def __init__(self, original: OrderedDict[Any, Any]) -> None:
        self.original = original

    def _here(self) -> OrderedDict[Any, Any]:
        found = own_figures.get()
        return self.original if found is None else found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._here(), name)

    def __getitem__(self, number: Any) -> Any:
        return self._here()[number]

    def __setitem__(self, number: Any, manager: Any) -> None:
        self._here()[number] = manager

    def __delitem__(self, number: Any) -> None:
        del self._here()[number]

    def __contains__(self, number: object) -> bool:
        return number in self._here()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._here())

    def __len__(self) -> int:
        return len(self._here())


def route_figures() -> None:
    """Let every run have its own figures, as soon as matplotlib is loaded."""
    if not isinstance(getattr(getattr(sys.modules.get(_HELPERS), "Gcf", None), "figs", None), _Routed):
        when_loaded(_HELPERS, _route)


def _route() -> None:
    helpers: Any = sys.modules[_HELPERS]
    if not isinstance(helpers.Gcf.figs, _Routed):
        helpers.Gcf.figs = _Routed(helpers.Gcf.figs)


def unroute_figures() -> None:
    """Undo `route_figures`."""
    helpers: Any = sys.modules.get(_HELPERS)
    if helpers is not None and isinstance(helpers.Gcf.figs, _Routed):
        helpers.Gcf.figs = helpers.Gcf.figs.original


@contextmanager
def figures_shown(show: Callable[[object], None]) -> Iterator[None]:
    """Give the block its own figures, and show those that are open at its end, in the order they were opened."""
    own: OrderedDict[Any, Any] = OrderedDict()
    route_figures()
    mark = own_figures.set(own)
    try:
        yield
    finally:
        for manager in sorted(own.values(), key=lambda manager: str(manager.num).zfill(9)):
            show(manager.canvas.figure)
        if own:
            sys.modules[_HELPERS].Gcf.destroy_all()
        own_figures.reset(mark)
