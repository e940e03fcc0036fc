"""The part of the walk that follows the flow of statements: branches, loops, handlers."""

# ast.NodeVisitor finds its methods by the names of node classes.
# ruff: noqa: N802, N815

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

from penstock_kernel._cells.binding import State, join
from penstock_kernel._cells.expressions import Expressions
from penstock_kernel._cells.record import Record
from penstock_kernel._cells.scopes import (
    Binder,
    Function,
    annotations_of,
    defaults,
    free_of_expression,
    free_of_function,
    type_parameters,
)
from penstock_kernel._cells.signs import (
    catches_name_error,
    changed_by_call,
    is_irrefutable,
    may_continue,
    suppresses,
)


@dataclass(slots=True)
class _Loop:
    #: Names its body binds: on some way through it an earlier round has bound them.
    names: set[str]
    breaks: list[State] = field(default_factory=list)
    continues: list[State] = field(default_factory=list)


class Statements(Expressions):
    """Walks the statements of a cell in order."""

    def __init__(self, record: Record) -> None:
        super().__init__(record)
        self._loops: list[_Loop] = []

    def block(self, body: Iterable[ast.stmt]) -> None:
        """Walk statements one after the other."""
        for statement in body:
            self.visit(statement)
            if self._loops and may_continue(statement):
                self.state.maybe |= self._loops[-1].names

    def branch(self, entry: State, body: Iterable[ast.stmt]) -> State:
        """Walk a block that may not run and return the state at its end."""
        self.state = entry.copy()
        for loop in self._loops:
            self.state.maybe |= loop.names
        self.block(body)
        return self.state

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self.mutate(changed_by_call(node.value, statement=True))
        self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        name = node.targets[0].id if isinstance(node.targets[0], ast.Name) else None
        if isinstance(node.value, ast.Lambda):
            self._visit_lambda(node.value, owner=name)
        else:
            self.visit(node.value)
        for target in node.targets:
            self._bind_function(target) if isinstance(node.value, ast.Lambda) else self.visit(target)
        if isinstance(node.value, ast.GeneratorExp) and name is not None:
            self._drop(
                name, node.lineno, "a generator cannot be stored or sent; use a list if it is a result"
            )

    def _bind_function(self, target: ast.expr) -> None:
        """Bind a lambda to a name without forgetting that the name runs its body."""
        if isinstance(target, ast.Name) and self.around_class is None:
            self.record.write(target.id)
            self.state.bind(target.id)
        else:
            self.visit(target)

    def _drop(self, name: str, line: int, why: str) -> None:
        if self.around_class is None:
            self.record.drop(name, line, why)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.read(node.target.id, node.lineno)
            self.mutate(node.target.id)
            self.visit(node.value)
            self.bind(node.target.id)
        else:
            self.visit(node.target)
            self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
        if not self.lazy_annotations:
            self.visit(node.annotation)
        if node.value is not None or not isinstance(node.target, ast.Name):
            self.visit(node.target)

    def visit_Delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if not isinstance(target, ast.Name):
                self.visit(target)
                continue
            if target.id not in self.state.maybe:
                self._delete_foreign(target)
            elif target.id not in self.state.sure:
                self.read(target.id, target.lineno)
            self.state.unbind(target.id)

    def _delete_foreign(self, target: ast.Name) -> None:
        self.read(target.id, target.lineno)
        if not self.state.dead and self.around_class is None:
            self.record.deletes[target.id] = None
            self.record.note(
                "delete",
                target.lineno,
                f"del {target.id} ends the task's own use of it; the notebook keeps it",
            )

    def visit_Global(self, node: ast.Global) -> None:
        """At cell level `global` changes nothing."""

    def _visit_function(self, node: Function) -> None:
        for part in (*node.decorator_list, *defaults(node.args)):
            self.visit(part)
        if not self.lazy_annotations:
            with self.hiding(type_parameters(node)):
                for annotation in annotations_of(node):
                    self.visit(annotation)
        self._define(node.name)
        free = free_of_function(node, lazy=self.lazy_annotations)
        self.defer(free, node.name)

    visit_FunctionDef = _visit_function
    visit_AsyncFunctionDef = _visit_function

    def _define(self, name: str) -> None:
        self.bind(name)
        if self.around_class is None:
            self.record.definitions[name] = None

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for decorator in node.decorator_list:
            self.visit(decorator)
        outer, outer_class, outer_owner = self.state, self.around_class, self.owner
        with self.hiding(type_parameters(node)):
            for part in (*node.bases, *node.keywords):
                self.visit(part)
            self.around_class = outer_class or self.state
            self.owner = outer_owner or node.name
            self.state = self.around_class.copy()
            self.block(node.body)
            self.state = outer
        self.state, self.around_class, self.owner = outer, outer_class, outer_owner
        if self.around_class is None:
            self.record.write(node.name)
            self.record.definitions[node.name] = None
        self.state.bind(node.name)

    def visit_TypeAlias(self, node: ast.AST) -> None:
        """`type X = …`: its value is evaluated when somebody asks for it."""
        name, value = getattr(node, "name", None), getattr(node, "value", None)
        if isinstance(name, ast.Name) and isinstance(value, ast.expr):
            self.defer(free_of_expression(value, hidden=type_parameters(node)), name.id)
            self.bind(name.id)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._import(alias.asname or alias.name.split(".")[0], alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name == "*":
                message = f"from {module} import * hides which names come from it; name the imports"
                self.record.problem("star-import", node.lineno, message)
                continue
            self._import(alias.asname or alias.name, f"{module}:{alias.name}")
            if module == "__future__" and alias.name == "annotations":
                self.lazy_annotations = True

    def _import(self, name: str, spec: str) -> None:
        self.bind(name)
        if self.around_class is None:
            self.record.imports[name] = spec

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        entry = self.state
        chosen = self.branch(entry, node.body)
        self.state = join(chosen, self.branch(entry, node.orelse))

    def visit_While(self, node: ast.While) -> None:
        self._loop(node, test=node.test)

    def _visit_for(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        self._loop(node, target=node.target)

    visit_For = _visit_for
    visit_AsyncFor = _visit_for

    def _loop(
        self,
        node: ast.While | ast.For | ast.AsyncFor,
        *,
        test: ast.expr | None = None,
        target: ast.expr | None = None,
    ) -> None:
        loop = _Loop(set(Binder([*node.body, *([target] if target else [])], augmented=False).bound))
        if test is not None:
            self.visit(test)
        before = self.state.copy()
        self._loops.append(loop)
        if target is not None:
            self.visit(target)
        self.block(node.body)
        self._loops.pop()
        endless = isinstance(test, ast.Constant) and bool(test.value)
        exhausted = join(before, self.state, *loop.continues)
        exhausted.dead = exhausted.dead or endless
        self.state = exhausted
        self.block(node.orelse)
        self.state = join(self.state, *loop.breaks)

    def visit_Break(self, node: ast.Break) -> None:
        if self._loops:
            self._loops[-1].breaks.append(self.state.copy())
        self.state.dead = True

    def visit_Continue(self, node: ast.Continue) -> None:
        if self._loops:
            self._loops[-1].continues.append(self.state.copy())
        self.state.dead = True

    def visit_Raise(self, node: ast.Raise) -> None:
        self.generic_visit(node)
        self.state.dead = True

    def visit_Return(self, node: ast.Return) -> None:
        self.record.problem(
            "syntax", node.lineno, "return stands outside a function; a task's result is what it binds"
        )
        self.state.dead = True

    def _visit_with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                self.visit(item.optional_vars)
                for name in Binder([item.optional_vars]).bound:
                    self._drop(name, node.lineno, "it is closed when its `with` block ends")
        entry = self.state
        if any(suppresses(item.context_expr) for item in node.items):
            self.state = join(entry, self.branch(entry, node.body))
        else:
            self.block(node.body)

    visit_With = _visit_with
    visit_AsyncWith = _visit_with

    def _visit_try(self, node: ast.Try | ast.TryStar) -> None:
        entry = self.state.copy()
        forgiving = any(catches_name_error(handler) for handler in node.handlers)
        self.guards += forgiving
        self.block(node.body)
        self.guards -= forgiving
        body_end = self.state
        anywhere = join(State(entry.sure, body_end.maybe), body_end)
        anywhere.maybe |= entry.maybe | set(Binder(node.body).bound)
        ends = [self._handler(anywhere, handler) for handler in node.handlers]
        self.state = body_end.copy()
        self.block(node.orelse)
        normal = join(self.state, *ends)
        self.state = normal if not node.finalbody else self._finally(anywhere, normal, node.finalbody)

    visit_Try = _visit_try
    visit_TryStar = _visit_try

    def _handler(self, entry: State, handler: ast.ExceptHandler) -> State:
        self.state = entry.copy()
        if handler.type is not None:
            self.visit(handler.type)
        entry = self.state.copy()
        if handler.name:
            entry.bind(handler.name)
        end = self.branch(entry, handler.body)
        if handler.name:  # Python deletes it at the end of the handler, with an older variable of that name
            end.unbind(handler.name)
        return end

    def _finally(self, anywhere: State, normal: State, body: list[ast.stmt]) -> State:
        entry = join(anywhere, normal)
        self.state = entry.copy()
        self.block(body)
        end = normal.copy()
        end.sure |= self.state.sure - entry.sure
        end.maybe |= end.sure | (self.state.maybe - entry.maybe)
        for name in entry.sure - self.state.sure:
            end.unbind(name)
        end.dead = normal.dead or self.state.dead
        return end

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        entry, ends, exhaustive = self.state, [], False
        for case in node.cases:
            self.state = entry.copy()
            self.visit(case.pattern)
            if case.guard is not None:
                self.visit(case.guard)
            ends.append(self.branch(self.state, case.body))
            exhaustive = exhaustive or (case.guard is None and is_irrefutable(case.pattern))
        self.state = join(*ends) if exhaustive else join(entry, *ends)

    def _visit_capture(self, node: ast.MatchAs | ast.MatchStar) -> None:
        self.generic_visit(node)
        if node.name:
            self.bind(node.name)

    visit_MatchAs = _visit_capture
    visit_MatchStar = _visit_capture

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self.generic_visit(node)
        if node.rest:
            self.bind(node.rest)
