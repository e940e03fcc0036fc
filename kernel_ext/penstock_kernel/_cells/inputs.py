"""Sort what a cell reads: data that becomes parameters, modules to import again, helpers to take along."""

from __future__ import annotations

import builtins
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from penstock_kernel._cells.analysis import analyse
from penstock_kernel._cells.carried import Helper
from penstock_kernel._cells.facts import CellFacts
from penstock_kernel._cells.record import is_always_there, is_history
from penstock_kernel._cells.rehome import global_names
from penstock_kernel._cells.source_text import source_of


@dataclass(frozen=True, slots=True)
class Bound:
    """What the names a cell reads stand for in the notebook now."""

    #: Data: the parameters of the task, in the order of first reading; names read by helpers come last.
    values: dict[str, Any] = field(default_factory=dict)
    #: Name -> `module` or `module:attribute`, imported again where the task runs.
    modules: dict[str, str] = field(default_factory=dict)
    #: Functions and classes written in the notebook.
    helpers: dict[str, Helper] = field(default_factory=dict)
    #: Names the cell needs and the notebook does not have.
    missing: tuple[str, ...] = ()


def split_inputs(
    facts: CellFacts, namespace: Mapping[str, Any], *, inputs: Sequence[str] | None = None
) -> Bound:
    """Sort the names a cell reads by what they are in `namespace`.

    What helpers read counts as read by the cell, so a change of it is seen by the cache. With `inputs` the cell
    itself gets exactly those data; modules and helpers, and what helpers read, are still found by reading it.
    """
    bound = Bound()
    queue = [(name, inputs is None) for name in (*facts.reads, *facts.optional_reads) if name in namespace]
    for name in inputs or ():
        if name in namespace:
            bound.values[name] = namespace[name]
    for name, data in queue:  # grows while helpers are found
        if name in bound.values or name in bound.modules or name in bound.helpers:
            continue
        queue.extend((read, True) for read in _place(name, namespace, bound, data=data))
    missing = inputs if inputs is not None else facts.reads
    return Bound(
        bound.values, bound.modules, bound.helpers, tuple(name for name in missing if name not in namespace)
    )


def _place(name: str, namespace: Mapping[str, Any], bound: Bound, *, data: bool) -> Iterator[str]:
    """Put one name where it belongs; yield the names of the notebook that it reads in turn."""
    value = namespace[name]
    if _is_ipythons(name, value):
        return
    spec = _import_spec(value)
    if spec is not None:
        bound.modules[name] = spec
    elif _is_definition(value):
        helper = Helper.of(name, value, source_of(value, name, namespace), namespace)
        bound.helpers[name] = helper
        # One that cannot be pickled is defined again: its decorators and defaults are evaluated there.
        reads = reach(value, set()) if helper.payload or not helper.source else analyse(helper.source).reads
        yield from (read for read in reads if _is_of_notebook(read, namespace))
    elif data:
        bound.values[name] = value


def _is_ipythons(name: str, value: object) -> bool:
    """Whether IPython shadows a builtin: it binds its own `open`, for example."""
    module = getattr(value, "__module__", None)
    return hasattr(builtins, name) and isinstance(module, str) and module.split(".")[0] == "IPython"


def _is_of_notebook(name: str, namespace: Mapping[str, object]) -> bool:
    return name in namespace and not is_always_there(name) and not is_history(name)


def _import_spec(value: object) -> str | None:
    """Return how to import `value` again, if it is a module or a function or class of one."""
    if isinstance(value, types.ModuleType):
        return value.__name__ if sys.modules.get(value.__name__) is value else None
    if not callable(value):
        return None
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(module, str):  # numpy's ufuncs, for example, name no module
        module, name = type(value).__module__.partition(".")[0], getattr(value, "__name__", None)
    if module == "__main__" or not isinstance(name, str):
        return None
    found: object = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return f"{module}:{name}" if found is value else None


def _is_definition(value: object) -> bool:
    """Whether the notebook wrote this as code: a function, a class, or what a decorator made of one."""
    if isinstance(value, type | types.FunctionType):
        return True
    return callable(value) and getattr(value, "__dict__", {}).get("__module__") == "__main__"


def reach(value: object, seen: set[int]) -> Iterator[str]:
    """Yield the global names that the code of a function, class or wrapper looks up."""
    for function in functions_behind(value, seen):
        yield from global_names(function.__code__)


def functions_behind(value: object, seen: set[int]) -> Iterator[types.FunctionType]:
    """Yield the plain functions a function, class or wrapper consists of, each once."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, types.FunctionType):
        yield value
        for cell in value.__closure__ or ():
            try:
                content = cell.cell_contents
            except ValueError:  # a name that is not bound yet
                continue
            if isinstance(content, types.FunctionType | type):
                yield from functions_behind(content, seen)
    elif isinstance(value, type) and value.__module__ == "__main__":
        for member in vars(value).values():
            for function in _functions(member):
                yield from functions_behind(function, seen)
        for base in value.__bases__:
            yield from functions_behind(base, seen)
    for wrapped in (getattr(value, "__wrapped__", None), getattr(value, "fn", None)):
        if isinstance(wrapped, types.FunctionType):
            yield from functions_behind(wrapped, seen)


@lru_cache(maxsize=256)
def changes_of(source: str) -> tuple[str, ...]:
    """Return the global names that a function or class, by its text, binds anew or changes in place when it is used."""
    try:
        facts = analyse(source)
    except SyntaxError:
        return ()
    bound = facts.writes[1:]  # the first is its own
    return tuple(dict.fromkeys((*bound, *(name for name in facts.mutates if name not in facts.writes))))


def _functions(member: object) -> Iterator[types.FunctionType]:
    parts = [member, *(getattr(member, name, None) for name in ("__func__", "fget", "fset", "fdel", "func"))]
    yield from (part for part in parts if isinstance(part, types.FunctionType))
