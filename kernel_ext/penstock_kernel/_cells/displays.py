"""How values display, and where IPython's `display` leads to in a task."""

from __future__ import annotations

import sys
import threading
import types
from typing import Any

from penstock_kernel._cells.current import recorder
from penstock_kernel._cells.late_imports import when_loaded

_FUNCTIONS = "IPython.core.display_functions"
_lock = threading.Lock()
#: IPython's own functions, by name; ours stand in the place of their code.
_originals: dict[str, types.FunctionType] = {}


def bundle(value: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return how a value displays, by MIME type, and its metadata; its text where IPython is missing."""
    try:
        from IPython.core.formatters import DisplayFormatter
    except ImportError:
        return {"text/plain": repr(value)}, {}
    formatter = DisplayFormatter()
    _teach_pictures(formatter)
    data, metadata = formatter.format(value)
    return {kind: _text(part) for kind, part in data.items()}, metadata


def _text(part: Any) -> Any:
    if not isinstance(part, bytes):
        return part
    from base64 import b64encode

    return b64encode(part).decode("ascii")


def _teach_pictures(formatter: Any) -> None:
    """Let figures become pictures, as IPython's shell would; only where matplotlib is in use."""
    if "matplotlib.figure" not in sys.modules:
        return
    from IPython.core.pylabtools import print_figure
    from matplotlib.figure import Figure

    formatter.formatters["image/png"].for_type(Figure, lambda figure: print_figure(figure, base64=True))


def patch_display() -> None:
    """Make IPython's `display` and `clear_output` look for a recorder, as soon as IPython is loaded.

    The functions stay the same objects and get other code, so that those who have imported them use it, too.
    """
    if not _originals:
        when_loaded(_FUNCTIONS, _patch)


def _patch() -> None:
    functions: Any = sys.modules[_FUNCTIONS]
    with _lock:
        if _originals:
            return
        for name, stand_in in (("display", _display), ("clear_output", _clear_output)):
            theirs = getattr(functions, name)
            _originals[name] = types.FunctionType(
                theirs.__code__, theirs.__globals__, name, theirs.__defaults__, theirs.__closure__
            )
            _originals[name].__kwdefaults__ = theirs.__kwdefaults__
            theirs.__code__, theirs.__defaults__ = stand_in.__code__, stand_in.__defaults__
            theirs.__kwdefaults__ = None


def unpatch_display() -> None:
    """Undo `patch_display`."""
    functions: Any = sys.modules.get(_FUNCTIONS)
    with _lock:
        for name, original in _originals.items():
            theirs = getattr(functions, name)
            theirs.__code__, theirs.__defaults__ = original.__code__, original.__defaults__
            theirs.__kwdefaults__ = original.__kwdefaults__
        _originals.clear()


def _display(*objects: Any, **options: Any) -> Any:
    from penstock_kernel._cells.displays import displayed  # the code runs with IPython's globals

    return displayed(objects, options)


def _clear_output(wait: bool = False) -> Any:
    from penstock_kernel._cells.displays import cleared

    return cleared(wait)


def displayed(objects: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Do what `display` does: for the recorder in force here, or as IPython."""
    found = recorder.get()
    if found is None or not found.takes_displays:
        return _originals["display"](*objects, **options)
    return found.take(objects, options)


def cleared(wait: bool) -> Any:
    """Do what `clear_output` does."""
    found = recorder.get()
    if found is None or not found.takes_displays:
        return _originals["clear_output"](wait)
    return found.put({"kind": "clear", "wait": wait})
