"""The part of the walk that follows the evaluation of expressions."""

# ast.NodeVisitor finds its methods by the names of node classes.
# ruff: noqa: N815

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from penstock_kernel._cells.binding import State, join
from penstock_kernel._cells.facts import Magic
from penstock_kernel._cells.magics import (
    IPythonCall,
    ipython_call,
    names_in_command,
    refusal,
    timed_code,
)
from penstock_kernel._cells.record import Record
from penstock_kernel._cells.scopes import Binder, Comprehension, Free, defaults, free_of_function
from penstock_kernel._cells.signs import changed_by_call, root_name
from penstock_kernel._cells.syntax import parse_fragment

_DYNAMIC = {
    "exec": "exec() of a text hides the names it uses",
    "eval": "eval() of a text hides the names it uses",
    "globals": "globals() in a task is the task's own namespace",
    "locals": "locals() in a task is the task's own namespace",
    "vars": "vars() in a task is the task's own namespace",
}
_INPUT = "input() cannot ask anybody from inside a task; pause the flow for input instead"


class Expressions(ast.NodeVisitor):
    """Visits expressions in evaluation order, with the names bound so far in `state`."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.state = State()
        self.guards = 0
        self.lazy_annotations = False
        #: Inside a class body: the state of the cell around it, which methods and comprehensions see.
        self.around_class: State | None = None
        self.owner: str | None = None

    def bind(self, name: str) -> None:
        """Note that `name` is bound: at cell level it becomes an output, in a class body it does not."""
        if self.around_class is None:
            self.record.write(name)
            self.record.forget_owner(name)
        self.state.bind(name)

    def read(self, name: str, line: int) -> None:
        """Note a read of `name` here."""
        self.record.read(name, line, self.state, guarded=self.guards > 0)

    def mutate(self, name: str | None) -> None:
        """Note that the object called `name` is changed in place."""
        if name is not None and not self.state.dead and self.record.is_foreign(name, self.state):
            self.record.mutates[name] = None

    def defer(self, free: Free, owner: str | None) -> None:
        """Note what a nested function does to names of the cell."""
        self.record.defer(free, self.owner or owner, self.state)
        for call in free.calls:
            self._check_plain_call(call, nested=True)

    @contextmanager
    def hiding(self, names: Iterable[str]) -> Iterator[None]:
        """Let `names` (type parameters) be bound for a while."""
        before = self.state
        self.state = before.copy()
        fresh = [name for name in names if name not in before.maybe]
        for name in fresh:
            self.state.bind(name)
        yield
        for name in fresh:
            self.state.unbind(name)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.read(node.id, node.lineno)
        else:
            self.bind(node.id)

    def _visit_part(self, node: ast.Attribute | ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.mutate(root_name(node))
        self.generic_visit(node)

    visit_Attribute = _visit_part
    visit_Subscript = _visit_part

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.bind(node.target.id)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self.visit(node.values[0])
        for value in node.values[1:]:
            before = self.state.copy()
            self.visit(value)
            self.state = join(before, self.state)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.visit(node.test)
        before = self.state.copy()
        self.visit(node.body)
        chosen, self.state = self.state, before
        self.visit(node.orelse)
        self.state = join(chosen, self.state)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._visit_lambda(node, owner=None)

    def _visit_lambda(self, node: ast.Lambda, *, owner: str | None) -> None:
        for value in defaults(node.args):
            self.visit(value)
        self.defer(free_of_function(node), owner)

    def _visit_comprehension(self, node: Comprehension) -> None:
        first, *others = node.generators
        self.visit(first.iter)
        outer = self.state
        self.state = (self.around_class or outer).copy()
        for name in Binder([first.target]).bound:
            self.state.bind(name)
        for test in first.ifs:
            self.visit(test)
        for generator in others:
            self.visit(generator.iter)
            for name in Binder([generator.target]).bound:
                self.state.bind(name)
            for test in generator.ifs:
                self.visit(test)
        for part in [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]:
            self.visit(part)
        self.state = outer
        walruses = (inner for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr))
        self.state.maybe.update(walrus.target.id for walrus in walruses)

    visit_ListComp = _visit_comprehension
    visit_SetComp = _visit_comprehension
    visit_DictComp = _visit_comprehension
    visit_GeneratorExp = _visit_comprehension

    def visit_Call(self, node: ast.Call) -> None:
        call = ipython_call(node)
        if call is not None:
            self._visit_ipython(call, node.lineno)
            return
        if isinstance(node.func, ast.Name):
            self._check_plain_call(node, nested=False)
        self.mutate(changed_by_call(node, statement=False))
        self.generic_visit(node)

    def _check_plain_call(self, node: ast.Call, *, nested: bool) -> None:
        """Refuse calls of builtins that make no sense in a task or hide what the cell reads."""
        name, arguments = getattr(node.func, "id", ""), len(node.args) + len(node.keywords)
        if name == "get_ipython" and name not in self.state.maybe:
            self.record.problem("magic", node.lineno, "get_ipython() works in the notebook's kernel only")
        if not self.record.is_builtin(name, self.state):
            return
        if name == "input":
            self.record.problem("input", node.lineno, _INPUT)
        if (
            name == "globals"
            or (name in {"exec", "eval"} and arguments == 1)
            or (name in {"locals", "vars"} and arguments == 0 and not nested)
        ):
            message = f"{_DYNAMIC[name]}; name what the cell needs with --in"
            self.record.problem("dynamic", node.lineno, message)

    def _visit_ipython(self, call: IPythonCall, line: int) -> None:
        match call:
            case IPythonCall("system" | "getoutput", (command,)):
                self.record.shell.append(command)
                self._visit_command(command)
            case IPythonCall("run_line_magic", (name, argument)):
                self._visit_line_magic(name, argument, line)
            case IPythonCall("run_cell_magic", (name, argument, _)):
                self.record.magics.append(Magic("cell", name, argument, line))
                self.record.problem("magic", line, refusal("cell", name) or "")
            case _:
                message = f"get_ipython().{call.kind}(...) works in the notebook's kernel only"
                self.record.problem("magic", line, message)

    def _visit_line_magic(self, name: str, argument: str, line: int) -> None:
        self.record.magics.append(Magic("line", name, argument, line))
        reason = refusal("line", name)
        if reason is not None:
            self.record.problem("magic", line, reason)
        code = timed_code(name, argument)
        if code is None:
            if name in {"env", "set_env"}:
                self._visit_command(argument)
            return
        tree = parse_fragment(code)
        if tree is None:
            self.record.problem("syntax", line, f"%{name} needs Python code after it, not {code!r}")
            return
        if any(isinstance(node, ast.Await) for node in ast.walk(tree)):
            self.record.problem(
                "magic", line, f"await cannot stand behind %{name}; put %%time on top instead"
            )
        before = self.state.copy()
        for statement in ast.increment_lineno(tree, line - 1).body:
            self.visit(statement)
        if name == "timeit":  # its statement runs in a function: nothing it binds stays
            self.state = before

    def _visit_command(self, command: str) -> None:
        """Names in a command are optional: where one is missing the shell gets the text as it stands."""
        self.guards += 1
        for expression in names_in_command(command):
            self.visit(expression)
        self.guards -= 1
