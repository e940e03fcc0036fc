"""Doing something to a module when it is loaded, whoever loads it, without loading it for that."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


class _Finder(MetaPathFinder):
    """Finds the modules that something is to be done to, as Python would, and has it done."""

    def __init__(self) -> None:
        self.actions: dict[str, Callable[[], object]] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        action = self.actions.get(fullname)
        spec = PathFinder.find_spec(fullname, path, target) if action is not None else None
        if spec is None or spec.loader is None or action is None:
            return None
        loader: Any = spec.loader
        load = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            load(module)
            action()

        loader.exec_module = exec_module
        return spec


_finder = _Finder()


def when_loaded(module: str, action: Callable[[], object]) -> None:
    """Call `action` as soon as a module is loaded; now, if it is."""
    if module in sys.modules:
        action()
        return
    _finder.actions[module] = action
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def stop_waiting() -> None:
    """Do nothing to modules that are loaded from now on."""
    _finder.actions.clear()
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
