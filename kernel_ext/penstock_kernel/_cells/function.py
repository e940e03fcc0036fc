"""A notebook cell as a function: what is sent to a runner and called there.

The body is executed, never wrapped in a `def`, in a fresh namespace that looks like `__main__`. So `x = x + 1`,
closures, recursion and comprehensions mean what they mean in the notebook, and nothing the cell binds leaks out
but its outputs, and those only when it succeeds.
"""

from __future__ import annotations

import ast
import inspect
import linecache
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from types import CodeType
from typing import Any

from penstock._results.fingerprint import fingerprint
from penstock._results.sources import referred_parts
from penstock_kernel._cells.carried import Helper
from penstock_kernel._cells.errors import MissingModuleError, UnboundOutputError
from penstock_kernel._cells.recorder import body_recorded, describe, recorder
from penstock_kernel._cells.result import CellResult
from penstock_kernel._cells.runtime import TaskShell, display, show, timed
from penstock_kernel._cells.source_text import canonical, digest


@dataclass(frozen=True, slots=True)
class CellCode:
    """Everything a cell needs to run, in plain values: this is what is pickled."""

    name: str
    #: The body as plain Python, IPython's syntax translated, with the line numbers of `text`.
    source: str
    #: The body as its author wrote it, for tracebacks.
    text: str
    #: Parameters, in the order of first reading.
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    #: The outputs were asked for, so a cell that ends without binding one of them fails.
    outputs_given: bool = False
    #: The line above the body in the notebook (`%%task …`), so that line numbers are those of the cell.
    header: str = ""
    last_expression: bool = False
    is_async: bool = False
    timed: bool = False
    #: Name and `module` or `module:attribute`.
    modules: tuple[tuple[str, str], ...] = ()
    helpers: tuple[Helper, ...] = ()

    @property
    def shown(self) -> str:
        """The text of the whole cell."""
        return f"{self.header}\n{self.text}" if self.header else self.text

    @property
    def filename(self) -> str:
        """The name under which tracebacks find the text of this version of the cell."""
        return f"<task {self.name} #{digest(self.shown)[:8]}>"


class CellFunction:
    """Runs a cell with its inputs as arguments.

    Returns the one output's value if there is exactly one output, a `CellResult` if there are several, and the
    value of the trailing expression if there is none. The trailing expression's value is also given to the hook
    in `show`, in every case; beside outputs that is all that becomes of it.
    """

    # The dictionary holds only what makes it look like a function of the notebook: `update_wrapper` copies it.
    __slots__ = ("__dict__", "__weakref__", "cell")

    cell: CellCode

    def __new__(cls, cell: CellCode) -> CellFunction:
        """Make the awaitable kind for a cell that awaits at its top level."""
        return object.__new__(AsyncCellFunction if cell.is_async else cls)

    def __init__(self, cell: CellCode) -> None:
        self.cell = cell
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        vars(self).update(
            __name__=cell.name,
            __qualname__=cell.name,
            __module__="__main__",
            __doc__=_doc(cell),
            __signature__=inspect.Signature([inspect.Parameter(name, kind) for name in cell.inputs]),
        )

    @property
    def name(self) -> str:
        """The name of the task."""
        return self.cell.name

    @property
    def source(self) -> str:
        """The body as plain Python."""
        return self.cell.source

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return self.cell.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names it binds for the notebook."""
        return self.cell.outputs

    @property
    def filename(self) -> str:
        """Its file name in tracebacks."""
        return self.cell.filename

    @property
    def is_async(self) -> bool:
        """Whether calling it returns a coroutine."""
        return self.cell.is_async

    @property
    def source_key(self) -> str:
        """Hash of what the cell means: the same for other comments, docstrings and formatting, in every process.

        Counts the cell, the helpers it takes along, what its modules are called, and the outputs. It does not
        count the values of the inputs.
        """
        return _source_key(self.cell)

    @property
    def key_parts(self) -> dict[str, tuple[str, str]]:
        """What `source_key` counts, by name: hash (or what is imported) and text, so that a miss can say what changed."""
        cell = self.cell
        own = (canonical(ast.parse(cell.source)), repr(cell.last_expression), *cell.outputs, *_imports(cell))
        helpers = {f"helper {helper.name}": (helper.key, helper.source) for helper in cell.helpers}
        modules = referred_parts(
            {name: _imported(cell.name, spec) for name, spec in cell.modules}, fingerprint
        )
        return {**modules, **helpers, "source": (digest("cell 1", *own), cell.text)}

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Run the cell.

        Raises:
            TypeError: the arguments are not its inputs.
            MissingModuleError: a module the notebook has imported is not installed here.
            UnboundOutputError: an output that was asked for is not bound at the end.
        """
        namespace = self._namespace(args, kwargs)
        body, last = self._code()
        value = None
        with body_recorded(self.name):
            with timed() if self.cell.timed else nullcontext():
                exec(body, namespace)  # noqa: S102  # the user's own cell
                if last is not None:
                    value = eval(last, namespace)  # noqa: S307
            return self._result(namespace, value)

    def unpack(self, value: Any) -> dict[str, Any]:
        """Return the outputs in a value this function has returned, by name: what the notebook binds."""
        if len(self.outputs) == 1 and not (isinstance(value, CellResult) and not value):
            return {self.outputs[0]: value}
        return dict(value) if isinstance(value, CellResult) and self.outputs else {}

    def _namespace(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        namespace: dict[str, Any] = {"__name__": "__main__"}
        signature: inspect.Signature = vars(self)["__signature__"]
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self.name}(): {error}") from None
        names = _names_used(self.cell.source, self.filename)
        if "display" in names:
            namespace["display"] = display
        if "get_ipython" in names:
            namespace["get_ipython"] = TaskShell(namespace).itself
        for name, spec in self.cell.modules:
            namespace[name] = _imported(self.name, spec)
        namespace.update(bound.arguments)
        for helper in reversed(self.cell.helpers):  # those found last are used by those found first
            helper.bind(namespace)
        return namespace

    def remember_source(self) -> None:
        """Let tracebacks find the text of the cell in this process, wherever its code runs."""
        text, name = self.cell.shown, self.cell.filename
        # No modification time: linecache keeps such an entry although there is no file.
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)

    def _code(self) -> tuple[CodeType, CodeType | None]:
        cell = self.cell
        self.remember_source()
        return _compiled(cell.source, cell.filename, 1 if cell.header else 0, cell.last_expression)

    def _result(self, namespace: dict[str, Any], value: Any) -> Any:
        mine = recorder.get()
        hook = show.get() or (mine.show if mine is not None else None)
        if hook is not None and value is not None:
            hook(value)
        outputs = self.outputs
        if not outputs:
            return value
        for name in outputs:
            if name not in namespace and self.cell.outputs_given:
                raise UnboundOutputError(self.name, name)
        found = {name: namespace[name] for name in outputs if name in namespace}
        describe(found)
        return found[outputs[0]] if len(outputs) == 1 and found else CellResult(found)

    def __repr__(self) -> str:
        arrow = f" -> {', '.join(self.outputs)}" if self.outputs else ""
        return f"<cell {self.name}({', '.join(self.inputs)}){arrow}>"

    def __reduce__(self) -> tuple[type[CellFunction], tuple[CellCode]]:
        return CellFunction, (self.cell,)


async def _coroutine() -> None:
    """Lend its code object to the functions of awaiting cells, which inspect then takes for coroutine functions."""


class AsyncCellFunction(CellFunction):
    """A cell that awaits at its top level: calling it returns a coroutine."""

    __slots__ = ()
    __code__ = _coroutine.__code__
    __defaults__ = None
    __kwdefaults__ = None

    async def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Run the cell; raises what `CellFunction.__call__` raises."""
        namespace = self._namespace(args, kwargs)
        body, last = self._code()
        value = None
        with body_recorded(self.name):
            with timed() if self.cell.timed else nullcontext():
                await _finished(body, namespace)
                if last is not None:
                    value = await _finished(last, namespace)
            return self._result(namespace, value)


async def _finished(code: CodeType, namespace: dict[str, Any]) -> Any:
    result = eval(code, namespace)  # noqa: S307  # the user's own cell
    return await result if code.co_flags & inspect.CO_COROUTINE else result


@lru_cache(maxsize=256)
def _compiled(
    source: str, filename: str, offset: int, last_expression: bool
) -> tuple[CodeType, CodeType | None]:
    """Compile the body and, apart from it, the trailing expression."""
    tree = ast.increment_lineno(ast.parse(source), offset)
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    last = None
    if last_expression and isinstance(statement := tree.body[-1], ast.Expr):
        del tree.body[-1]
        expression = ast.Expression(statement.value)
        last = compile(expression, filename, "eval", flags, dont_inherit=True)
    return compile(tree, filename, "exec", flags, dont_inherit=True), last


@lru_cache(maxsize=256)
def _names_used(source: str, filename: str) -> frozenset[str]:
    return frozenset(node.id for node in ast.walk(ast.parse(source, filename)) if isinstance(node, ast.Name))


@lru_cache(maxsize=256)
def _source_key(cell: CellCode) -> str:
    return digest(
        "cell 1",
        canonical(ast.parse(cell.source)),
        repr(cell.last_expression),
        *cell.outputs,
        *_imports(cell),
        *(f"{helper.name}:{helper.key}" for helper in sorted(cell.helpers, key=lambda helper: helper.name)),
    )


def _imports(cell: CellCode) -> Iterator[str]:
    return (f"{name}={spec}" for name, spec in sorted(cell.modules))


def _imported(task: str, spec: str) -> Any:
    module, _, attribute = spec.partition(":")
    try:
        value: Any = import_module(module)
    except ModuleNotFoundError as error:
        raise MissingModuleError(task, module) from error
    for part in attribute.split(".") if attribute else ():
        value = getattr(value, part)
    return value


def _doc(cell: CellCode) -> str | None:
    """Return the text at the top of the cell: a string of its own, or the first block of comments."""
    text = ast.get_docstring(ast.parse(cell.source))
    if text:
        return text
    comments: list[str] = []
    for line in cell.text.splitlines():
        if not line.startswith("#") and (comments or line.strip()):
            break
        if line.startswith("#"):
            comments.append(line.lstrip("#").strip())
    return "\n".join(comments) or None
