"""The names that function bodies, lambdas and classes inside them take from the cell level.

Only the syntax tree is used: the symbol table shows comprehensions differently since Python 3.12 and does not
count `x += 1` under `global x` as a read.
"""

# ast.NodeVisitor finds its methods by the names of node classes.
# ruff: noqa: N815

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

from penstock_kernel._cells.signs import changed_by_call, root_name

Function = ast.FunctionDef | ast.AsyncFunctionDef
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(slots=True)
class Free:
    """What a nested scope does to names of the cell level."""

    reads: dict[str, None] = field(default_factory=dict)
    writes: dict[str, None] = field(default_factory=dict)
    mutates: dict[str, None] = field(default_factory=dict)
    #: Names under `global` that are added to (`x += 1`), so they must exist before.
    augmented: set[str] = field(default_factory=set)
    #: Calls of the cell's or Python's plain names: the caller looks for `exec`, `input` and their like.
    calls: list[ast.Call] = field(default_factory=list)


class Binder(ast.NodeVisitor):
    """Collects the names a block binds in its own scope."""

    def __init__(self, nodes: Iterable[ast.AST], *, augmented: bool = True) -> None:
        self.bound: dict[str, None] = {}
        self.declared_global: set[str] = set()
        self._nonlocal: set[str] = set()
        self._augmented = augmented
        for node in nodes:
            self.visit(node)
        self.global_writes = self.declared_global & self.bound.keys()
        for name in self.declared_global | self._nonlocal:
            self.bound.pop(name, None)

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.bound[node.id] = None

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if self._augmented:
            self.visit(node.target)
        self.visit(node.value)

    def _visit_function(self, node: Function) -> None:
        self.bound[node.name] = None
        for part in (*node.decorator_list, *defaults(node.args)):
            self.visit(part)

    visit_FunctionDef = _visit_function
    visit_AsyncFunctionDef = _visit_function

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.bound[node.name] = None
        for part in (*node.decorator_list, *node.bases):
            self.visit(part)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for part in defaults(node.args):
            self.visit(part)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for part in (node.iter, *node.ifs):
            self.visit(part)

    def _visit_import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            self.bound[alias.asname or alias.name.split(".")[0]] = None

    visit_Import = _visit_import
    visit_ImportFrom = _visit_import

    def _visit_named(self, node: ast.ExceptHandler | ast.MatchAs | ast.MatchStar) -> None:
        if node.name:
            self.bound[node.name] = None
        self.generic_visit(node)

    visit_ExceptHandler = _visit_named
    visit_MatchAs = _visit_named
    visit_MatchStar = _visit_named

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        if node.rest:
            self.bound[node.rest] = None
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        self.declared_global.update(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self._nonlocal.update(node.names)


def defaults(args: ast.arguments) -> list[ast.expr]:
    """Return the default values, which are evaluated where the function is defined."""
    return [*args.defaults, *(value for value in args.kw_defaults if value is not None)]


def parameters(args: ast.arguments) -> list[ast.arg]:
    """Return all parameters, `*args` and `**kwargs` included."""
    star = [arg for arg in (args.vararg, args.kwarg) if arg is not None]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *star]


def annotations_of(node: Function) -> list[ast.expr]:
    """Return the annotations of a function's parameters and result."""
    found = [arg.annotation for arg in parameters(node.args)] + [node.returns]
    return [annotation for annotation in found if annotation is not None]


def type_parameters(node: ast.AST) -> list[str]:
    """Return the names of `def f[T]` and `class A[T]`."""
    return [parameter.name for parameter in getattr(node, "type_params", ())]


def free_of_function(node: Function | ast.Lambda, *, lazy: bool = False, hidden: Iterable[str] = ()) -> Free:
    """Return what the body of a function or lambda does to the cell's names.

    `lazy` says that annotations are not evaluated; `hidden` are names of scopes around it (type parameters).
    """
    finder = _FreeFinder(lazy=lazy, hidden=hidden)
    finder.enter_function(node)
    return finder.free


def free_of_expression(node: ast.expr, *, hidden: Iterable[str] = ()) -> Free:
    """Return what an expression that is evaluated later (a type alias) reads."""
    finder = _FreeFinder(lazy=False, hidden=hidden)
    finder.visit(node)
    return finder.free


@dataclass(slots=True)
class _Scope:
    local: set[str]
    declared_global: set[str] = field(default_factory=set)
    is_class: bool = False


class _FreeFinder(ast.NodeVisitor):
    """Walks a nested scope and sorts its names into local ones and the cell's."""

    def __init__(self, *, lazy: bool, hidden: Iterable[str]) -> None:
        self.free = Free()
        self._lazy = lazy
        self._scopes = [_Scope({*hidden, "__class__"})]

    def enter_function(self, node: Function | ast.Lambda) -> None:
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        binder = Binder(body)
        self.free.writes.update(dict.fromkeys(sorted(binder.global_writes)))
        local = {*binder.bound, *(arg.arg for arg in parameters(node.args)), *type_parameters(node)}
        self._within(_Scope(local - binder.declared_global, binder.declared_global), body)

    def visit_Name(self, node: ast.Name) -> None:
        if not self._of_cell(node.id):
            return
        names = self.free.reads if isinstance(node.ctx, ast.Load) else self.free.writes
        names[node.id] = None

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name) and self._of_cell(node.target.id):
            self.free.reads[node.target.id] = None
            self.free.augmented.add(node.target.id)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if self._scopes[-1].is_class and not self._lazy:
            self.visit(node.annotation)
        if node.value is not None:
            self.visit(node.value)
            self.visit(node.target)

    def _visit_part(self, node: ast.Attribute | ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load):
            self._mutate(root_name(node))
        self.generic_visit(node)

    visit_Attribute = _visit_part
    visit_Subscript = _visit_part

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self._mutate(changed_by_call(node.value, statement=True))
        self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        self._mutate(changed_by_call(node, statement=False))
        if isinstance(node.func, ast.Name) and self._of_cell(node.func.id):
            self.free.calls.append(node)
        self.generic_visit(node)

    def _visit_function(self, node: Function) -> None:
        for part in (
            *node.decorator_list,
            *defaults(node.args),
            *([] if self._lazy else annotations_of(node)),
        ):
            self.visit(part)
        self.enter_function(node)

    visit_FunctionDef = _visit_function
    visit_AsyncFunctionDef = _visit_function

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for part in defaults(node.args):
            self.visit(part)
        self.enter_function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(part)
        binder = Binder(node.body)
        local = {*binder.bound, *type_parameters(node), "__qualname__", "__module__"}
        self._within(_Scope(local, binder.declared_global, is_class=True), node.body)

    def _visit_comprehension(self, node: Comprehension) -> None:
        self.visit(node.generators[0].iter)
        targets = Binder([generator.target for generator in node.generators]).bound
        inner: list[ast.expr] = [generator.iter for generator in node.generators[1:]]
        inner += [test for generator in node.generators for test in generator.ifs]
        inner += [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._within(_Scope(set(targets)), inner)

    visit_ListComp = _visit_comprehension
    visit_SetComp = _visit_comprehension
    visit_DictComp = _visit_comprehension
    visit_GeneratorExp = _visit_comprehension

    def _within(self, scope: _Scope, nodes: Iterable[ast.AST]) -> None:
        self._scopes.append(scope)
        for node in nodes:
            self.visit(node)
        self._scopes.pop()

    def _of_cell(self, name: str) -> bool:
        for scope in reversed(self._scopes):
            if scope.is_class and scope is not self._scopes[-1]:
                continue
            if name in scope.declared_global:
                return True
            if name in scope.local:
                return False
        return True

    def _mutate(self, name: str | None) -> None:
        if name is not None and self._of_cell(name):
            self.free.mutates[name] = None
