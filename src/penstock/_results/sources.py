"""What a task's result depends on besides its inputs: its own source and what that refers to.

Functions and classes of the user's own modules and notebook count by their source, and so does what they refer to in
turn; globals that the code only reads count by content; libraries count by name and version; Python itself and its
standard library do not count. See docs/decisions/0007-what-a-key-is-made-of.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import partial
from hashlib import blake2b
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from penstock._results.code_text import (
    Definition,
    class_definition,
    function_definition,
    lines_of,
    module_text,
    notebook_cells,
)
from penstock._results.origins import Origin, origin_of, version_of
from penstock._results.sink import SourcePart as SourcePart
from penstock.exceptions import HashError

Digest = Callable[[Any], str]
_TASK_FUNCTION, _WRAPPED = "fn", "__wrapped__"


def source_parts(value: Any, digest: Digest) -> dict[str, SourcePart]:
    """Return what the result of a function depends on, by name.

    Args:
        value: a function, class, method, task or cell.
        digest: hashes the globals that the code reads; what raises `HashError` counts by its type.

    Returns:
        `source` for the function itself, and `helper NAME`, `global NAME`, `module NAME` for what it refers to.

    Example:
        >>> limit = 3
        >>> sorted(source_parts(lambda x: x < limit, repr))
        ['global limit', 'source']
    """
    given = getattr(value, "key_parts", None)
    if isinstance(given, Mapping):  # a cell of a notebook knows what it takes along
        return {name: SourcePart(*part) for name, part in given.items()}
    inner, entered = _inner(value), _entered.get()
    if id(inner) in entered:  # a global that this code reads holds the code itself
        return {}
    mark = _entered.set(entered | {id(inner)})
    try:
        reach = _Reach(value, digest)
        reach.own(value)
    finally:
        _entered.reset(mark)
    return reach.parts


def referred_parts(values: Mapping[str, Any], digest: Digest) -> dict[str, SourcePart]:
    """Return the parts of things that code refers to by name: modules, functions and classes.

    Args:
        values: what the names stand for.
        digest: as in `source_parts`.
    """
    reach = _Reach(None, digest)
    for name, value in values.items():
        reach.refer(name, value)
    return reach.parts


_entered: ContextVar[frozenset[int]] = ContextVar("penstock_sources_entered", default=frozenset())


class _Reach:
    """Collects what code refers to, each thing once."""

    def __init__(self, value: Any, digest: Digest) -> None:
        self.parts: dict[str, SourcePart] = {}
        self._digest = digest
        self._home = getattr(value, "__module__", "__main__")
        self._seen: set[int] = set()

    def own(self, value: Any) -> None:
        """Add what the key is asked for: the innermost function is `source`, decorators around it are helpers."""
        inner = _inner(value)
        if isinstance(inner, (FunctionType, type)):
            self._code("source", inner)
        else:
            self.parts["source"] = SourcePart(_hash(f"{inner.__module__}.{inner.__qualname__}"))
        self._around(value)

    def _around(self, given: Any) -> None:
        """Add what a function is wrapped in: decorators, arguments of a partial, the class of a callable object."""
        seen: set[int] = set()
        value: Any = given
        while id(value) not in seen:
            seen.add(id(value))
            if isinstance(value, partial):
                self._data(f"arguments of {_called(value.func)}", (value.args, value.keywords), None)
                value = value.func
            elif isinstance(value, MethodType):
                value = value.__func__
            elif _is_task(value):
                value = getattr(value, _TASK_FUNCTION)
            elif not isinstance(value, type) and hasattr(value, _WRAPPED):
                self._helper(value)
                value = getattr(value, _WRAPPED)

    def _code(self, name: str, code: FunctionType | type) -> None:
        marker = id(code.__code__) if isinstance(code, FunctionType) else id(code)
        if marker in self._seen:
            return
        self._seen.add(marker)
        if isinstance(code, FunctionType):
            namespace = _namespace(code)
            definition = function_definition(code.__code__, partial(_is_ours, namespace))
            extra = [self._safe((code.__defaults__, code.__kwdefaults__))]
        else:
            namespace = _class_namespace(code)
            definition = _class_text(code, namespace)
            extra = [self._safe(_plain_attributes(code))]
            for base in (*code.__bases__, type(code)):
                self.refer(base.__qualname__, base, code)
        if definition is None:
            self.parts[name] = SourcePart(_hash(_without_source(code), *extra))
            reads: tuple[str, ...] = _names_of(code)
            changes: frozenset[str] = frozenset()
        else:
            self.parts[name] = SourcePart(_hash(definition.canonical, *extra), definition.text)
            reads, changes = definition.reads, definition.changes
        for read in reads:
            self._read(read, namespace, changes, code)

    def _read(self, path: str, namespace: Mapping[str, Any], changes: frozenset[str], reader: Any) -> None:
        root, *attributes = path.split(".")
        if root not in namespace:
            return  # a builtin, or not there (yet)
        name, value = root, namespace[root]
        while attributes and isinstance(value, ModuleType) and origin_of(value.__name__) is Origin.USER:
            name, value = f"{name}.{attributes[0]}", getattr(value, attributes.pop(0), None)
        if root not in changes or isinstance(value, (ModuleType, FunctionType, type)):
            self.refer(name, value, reader)

    def refer(self, name: str, value: Any, reader: Any = None) -> None:
        """Add something that code refers to."""
        if isinstance(value, ModuleType):
            self._module(value)
        elif (
            isinstance(value, (FunctionType, type, MethodType, partial))
            or _is_task(value)
            or hasattr(value, "__wrapped__")
        ):
            inner = _inner(value)
            module = getattr(inner, "__module__", None) or "__main__"
            if hasattr(inner, "key_parts"):
                self.parts[f"helper {name}"] = SourcePart(_hash(str(getattr(inner, "source_key", ""))))
            elif origin_of(module) is Origin.USER:
                self._helper(inner)
                self._around(value)
            else:
                self._library(module)
        else:
            self._data(name, value, reader)

    def _helper(self, code: Any) -> None:
        if isinstance(code, (FunctionType, type)):
            self._code(f"helper {self._shown(code)}", code)

    def _module(self, module: ModuleType) -> None:
        if origin_of(module.__name__) is Origin.USER:  # handed on as a whole: all of it may be used
            text = lines_of(getattr(module, "__file__", None) or "")
            self.parts[f"helper {module.__name__}"] = SourcePart(_hash(module_text(text)), text)
        else:
            self._library(module.__name__)

    def _library(self, module: str) -> None:
        if origin_of(module) is Origin.LIBRARY:
            library = module.partition(".")[0]
            self.parts[f"module {library}"] = SourcePart(version_of(library))

    def _data(self, name: str, value: Any, reader: Any) -> None:
        module = getattr(reader, "__module__", None)
        shown = name if module in (None, self._home) else f"{module}.{name}"
        self.parts[f"global {shown}"] = SourcePart(self._safe(value))
        if origin_of(type(value).__module__) is Origin.USER:
            self._helper(type(value))

    def _safe(self, value: Any) -> str:
        try:
            return self._digest(value)
        except HashError:  # a connection, a lock: no content that a result could depend on
            return f"{type(value).__module__}.{type(value).__qualname__}"

    def _shown(self, code: Any) -> str:
        # What `functools.wraps` made has the name of what it is around; its code has its own.
        qualname = code.__code__.co_qualname if isinstance(code, FunctionType) else code.__qualname__
        qualname = qualname.replace(".<locals>", "")
        return qualname if code.__module__ == self._home else f"{code.__module__}.{qualname}"


def _inner(value: Any) -> Any:
    """Return the function or class that tasks, decorators, methods and partials are around."""
    seen: set[int] = set()
    while id(value) not in seen:
        seen.add(id(value))
        if isinstance(value, partial):
            value = value.func
        elif isinstance(value, MethodType):
            value = value.__func__
        elif _is_task(value):
            value = value.fn
        elif not isinstance(value, type):
            value = getattr(value, "__wrapped__", value)
    known = isinstance(value, (FunctionType, BuiltinFunctionType, type)) or hasattr(value, "key_parts")
    return value if known else type(value)


def _called(value: Any) -> str:
    return str(getattr(value, "__name__", type(value).__name__))


def _is_task(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "penstock" and hasattr(value, "fn")


def _is_ours(namespace: Mapping[str, Any], decorator: str) -> bool:
    root, *attributes = decorator.split(".")
    value = namespace.get(root)
    for attribute in attributes:
        value = getattr(value, attribute, None)
    module = getattr(value, "__module__", None) or ""
    return value is not None and origin_of(module) is Origin.OURS


def _namespace(function: FunctionType) -> Mapping[str, Any]:
    if not function.__closure__:
        return function.__globals__
    return {**function.__globals__, **dict(_closed_over(function))}


def _closed_over(function: FunctionType) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not bound yet
            continue


def _methods(kind: type) -> Iterator[FunctionType]:
    for member in vars(kind).values():
        for part in (member, *(getattr(member, name, None) for name in ("__func__", "fget", "fset", "func"))):
            if isinstance(part, FunctionType) and part.__module__ == kind.__module__:
                yield part


def _class_namespace(kind: type) -> Mapping[str, Any]:
    namespace = dict(vars(sys.modules[kind.__module__])) if kind.__module__ in sys.modules else {}
    for method in _methods(kind):
        namespace |= _namespace(method)
    return namespace


def _class_text(kind: type, namespace: Mapping[str, Any]) -> Definition | None:
    known = _classes.get(kind)
    if known is None:
        for text in _texts(kind):
            known = class_definition(text, kind.__qualname__, partial(_is_ours, namespace)) if text else None
            if known is not None:
                _classes[kind] = known
                break
    return known


#: What was found first counts: a file may have been edited since.
_classes: WeakKeyDictionary[type, Definition] = WeakKeyDictionary()


def _texts(kind: type) -> Iterator[str]:
    for method in _methods(kind):
        if not method.__code__.co_filename.startswith("<string>"):  # what `dataclass` makes
            yield lines_of(method.__code__.co_filename)
    yield lines_of(getattr(sys.modules.get(kind.__module__), "__file__", None) or "")
    if kind.__module__ == "__main__":
        yield from notebook_cells()


def _plain_attributes(kind: type) -> dict[str, Any]:
    plain = (str, int, float, bool, bytes, tuple, type(None))
    return {name: value for name, value in vars(kind).items() if name[:1] != "_" and type(value) in plain}


def _without_source(code: FunctionType | type) -> str:
    """Return what stands for code whose text is gone; it holds on this version of Python only."""
    if isinstance(code, FunctionType):
        return _compiled(code.__code__)
    return "".join([code.__qualname__, *(_compiled(method.__code__) for method in _methods(code))])


def _compiled(code: CodeType) -> str:
    constants = [
        _compiled(item)
        if isinstance(item, CodeType)
        else repr(sorted(item, key=repr) if isinstance(item, frozenset) else item)
        for item in code.co_consts
    ]
    return f"{code.co_code.hex()}{constants}{code.co_names}{code.co_varnames}"


def _names_of(code: FunctionType | type) -> tuple[str, ...]:
    functions = [code] if isinstance(code, FunctionType) else list(_methods(code))
    return tuple({name: None for f in functions for name in (*f.__code__.co_names, *f.__code__.co_freevars)})


def _hash(*texts: str) -> str:
    hasher = blake2b(digest_size=16)
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        hasher.update(b"%d:" % len(data) + data)
    return hasher.hexdigest()
