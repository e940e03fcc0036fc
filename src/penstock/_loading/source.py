"""Definitions read from source text: signatures, schemas and decorator arguments of what cannot be imported."""

from __future__ import annotations

import ast
import inspect
import logging
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from penstock._engine.docstrings import parameter_docstrings
from penstock._engine.hints import evaluate
from penstock._loading.entrypoints import Entrypoint, Function
from penstock._loading.namespaces import safe_load_namespace

if TYPE_CHECKING:
    from penstock._engine.parameter_schema import ParameterSchema

#: What a placeholder flow, or a listing of flows, can do something with.
FLOW_ARGUMENTS = frozenset(
    {
        "cache_result_in_memory",
        "description",
        "log_prints",
        "name",
        "persist_result",
        "retries",
        "retry_delay_seconds",
        "timeout_seconds",
        "validate_parameters",
        "version",
    }
)
_KINDS = inspect.Parameter


class _Unknown:
    """A default that is there but could not be evaluated."""


class Definition:
    """One function in a source text.

    Args:
        entrypoint: which.

    Raises:
        ValueError: the source has no such function. FileNotFoundError, SyntaxError: the source cannot be read.
    """

    def __init__(self, entrypoint: Entrypoint) -> None:
        self.entrypoint = entrypoint
        self.text = entrypoint.source()
        self.tree = ast.parse(self.text)
        self.node: Function = entrypoint.definition(self.tree)
        self._namespace: dict[str, Any] | None = None

    @property
    def is_async(self) -> bool:
        """True for an ``async def``."""
        return isinstance(self.node, ast.AsyncFunctionDef)

    @property
    def docstring(self) -> str | None:
        """The docstring of the function."""
        return ast.get_docstring(self.node)

    @property
    def namespace(self) -> dict[str, Any]:
        """The names of the file that can be had."""
        if self._namespace is None:
            self._namespace = safe_load_namespace(self.text, str(self.entrypoint.file()))
        return self._namespace

    def value(self, expression: ast.expr) -> Any:
        """Evaluate an expression among the names of the file; raises whatever that raises."""
        try:
            return ast.literal_eval(expression)
        except ValueError:
            return eval(compile(ast.Expression(expression), "<source>", "eval"), self.namespace)  # noqa: S307

    def signature(self) -> inspect.Signature:
        """Return the signature, with types for annotations; those that cannot be evaluated are left out.

        Of a method, the first parameter is left out: callers do not give it.
        """
        given = self.node.args
        positional = [*given.posonlyargs, *given.args]
        padding: list[ast.expr | None] = [None] * (len(positional) - len(given.defaults))
        made = [
            self._parameter(
                arg,
                _KINDS.POSITIONAL_ONLY if arg in given.posonlyargs else _KINDS.POSITIONAL_OR_KEYWORD,
                default,
            )
            for arg, default in zip(positional, [*padding, *given.defaults], strict=True)
        ]
        if self._is_method():
            made = made[1:]
        if given.vararg:
            made.append(self._parameter(given.vararg, _KINDS.VAR_POSITIONAL, None))
        for arg, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
            made.append(self._parameter(arg, _KINDS.KEYWORD_ONLY, default))
        if given.kwarg:
            made.append(self._parameter(given.kwarg, _KINDS.VAR_KEYWORD, None))
        return inspect.Signature(made)

    def _is_method(self) -> bool:
        return "." in self.entrypoint.qualname and "staticmethod" not in {
            node.id for node in self.node.decorator_list if isinstance(node, ast.Name)
        }

    def _parameter(self, arg: ast.arg, kind: Any, default: ast.expr | None) -> inspect.Parameter:
        annotation: Any = _KINDS.empty
        value: Any = _KINDS.empty
        if arg.annotation is not None:
            try:
                annotation = evaluate(ast.unparse(arg.annotation), self.namespace, {})
            except Exception:
                annotation = _KINDS.empty
        if default is not None:
            try:
                value = self.value(default)
            except Exception:
                value = _Unknown()
        return inspect.Parameter(arg.arg, kind, default=value, annotation=annotation)

    def flow_arguments(self, wanted: Collection[str]) -> dict[str, Any]:
        """Return what ``@flow(...)`` is given, as far as it can be evaluated."""
        found: dict[str, Any] = {}
        for keyword in self._flow_decorator_keywords():
            if keyword.arg in wanted and keyword.arg is not None:
                try:
                    found[keyword.arg] = self.value(keyword.value)
                except Exception as error:
                    logging.getLogger("penstock.flows").info(
                        "`%s` of the flow decorator of %s cannot be evaluated and is left at its default: %r",
                        keyword.arg,
                        self.entrypoint,
                        error,
                    )
        if "name" in wanted:
            found.setdefault("name", self.node.name.replace("_", "-"))
        return found

    def _flow_decorator_keywords(self) -> list[ast.keyword]:
        names = {"flow"} | {
            alias.asname
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.name == "flow" and alias.asname
        }
        for decorator in self.node.decorator_list:
            if isinstance(decorator, ast.Call):
                called = decorator.func
                name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", None)
                if name in names:
                    return decorator.keywords
        return []


def parameter_schema_from_entrypoint(entrypoint: str) -> ParameterSchema:
    """Return the schema of the parameters of a function, from its source text alone.

    Types and defaults that need a missing import are left open; the function itself is not run.

    Args:
        entrypoint: ``path/to/file.py:function``, ``…:Class.method`` or ``package.module.function``.

    Raises:
        ValueError: there is no such function. FileNotFoundError, SyntaxError: the source cannot be read.
    """
    from penstock._engine.parameter_schema import generate_parameter_schema

    definition = Definition(Entrypoint.parse(entrypoint))
    return generate_parameter_schema(definition.signature(), parameter_docstrings(definition.docstring))


def placeholder_function(definition: Definition, raises: BaseException) -> Callable[..., Any]:
    """Return a function with the name, docstring and signature of a definition, which raises when called."""
    if definition.is_async:

        async def fail_async(*args: Any, **kwargs: Any) -> Any:
            raise raises

        fn: Any = fail_async
    else:

        def fail(*args: Any, **kwargs: Any) -> Any:
            raise raises

        fn = fail
    fn.__name__ = definition.node.name
    fn.__qualname__ = definition.entrypoint.qualname
    fn.__doc__ = definition.docstring
    fn.__signature__ = definition.signature()
    return fn  # type: ignore[no-any-return]
