"""The implicit join: a cell that names a pending value waits for it before it begins.

The cell becomes an async cell whose first step is the wait, so that forms are answered and Stop works meanwhile. Its
text stays as it is; an AST transformer puts the step in front, at the line of the first statement.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from penstock_kernel.background import Background
from penstock_kernel.cell_run import UpstreamCellError
from penstock_kernel.options import Penstock
from penstock_kernel.pending import Needs, PendingError
from penstock_kernel.tracebacks import prune

_STEP = "__penstock_join__"
_STEP_BLOCKING = "__penstock_join_blocking__"
_FAILURE = "__penstock_join_failure__"


class Join(ast.NodeTransformer):
    """Hooked into one shell; `hook_in` and `take_out` undo each other."""

    def __init__(self, shell: Any, background: Background, options: Penstock) -> None:
        self._shell = shell
        self._background = background
        self._options = options
        self._original: Callable[..., bool] | None = None
        #: What the cell that is about to run needs; set when it is looked at, used up by the transformer.
        self._needs = Needs()
        #: What the running cell waits for, and what came of it.
        self._waiting = Needs()
        self._error: BaseException | None = None

    def hook_in(self) -> None:
        """Look at every cell before it runs."""
        self._original = self._shell.should_run_async
        self._shell.should_run_async = self._should_run_async
        self._shell.ast_transformers.append(self)
        steps = {_STEP: self._wait, _STEP_BLOCKING: self._wait_blocking, _FAILURE: self._failure}
        self._shell.push(steps, interactive=False)

    def take_out(self) -> None:
        """Leave cells alone again."""
        del self._shell.should_run_async  # the class's own shows again
        if self in self._shell.ast_transformers:
            self._shell.ast_transformers.remove(self)
        for name in (_STEP, _STEP_BLOCKING, _FAILURE):
            self._shell.user_ns.pop(name, None)
            self._shell.user_ns_hidden.pop(name, None)

    def visit_Module(self, node: ast.Module) -> ast.Module:  # found by the name of the node
        """Put the wait in front of a cell that needs one."""
        needs, self._needs = self._needs, Needs()
        if not needs or not node.body:
            return node
        self._waiting = needs
        wait = f"await {_STEP}()" if self._can_await() else f"{_STEP_BLOCKING}()"
        statement = ast.parse(f"if {wait}: raise {_FAILURE}()").body[0]
        for part in ast.walk(statement):
            if hasattr(part, "lineno"):
                ast.copy_location(part, node.body[0])
        node.body.insert(0, statement)
        return node

    def _should_run_async(self, raw_cell: str, **options: Any) -> bool:
        assert self._original is not None
        plain = self._original(raw_cell, **options)
        self._needs = Needs()
        if options.get("preprocessing_exc_tuple") is None:
            self._needs = self._background.needs(raw_cell)
        return plain or (bool(self._needs) and self._can_await())

    def _can_await(self) -> bool:
        return bool(self._shell.autoawait) and getattr(self._shell, "trio_runner", None) is None

    async def _wait(self) -> bool:
        """Wait, and return whether the cell has to raise what `_failure` returns: so its own line is shown."""
        self._error = None
        try:
            self._check()
            await self._background.wait(self._waiting)
        except (Exception, KeyboardInterrupt) as error:
            self._error = error
        return self._error is not None

    def _wait_blocking(self) -> bool:
        """Do what `_wait` does where nothing can be awaited."""
        self._error = None
        try:
            self._check()
            self._background.wait_blocking(self._waiting)
        except (Exception, KeyboardInterrupt) as error:
            self._error = error
        return self._error is not None

    def _failure(self) -> BaseException:
        error, self._error = self._error, None
        assert error is not None
        prune(error)
        return error.with_traceback(None)

    def _check(self) -> None:
        if self._options.join == "error" and self._waiting.values:
            names = ", ".join(self._waiting.values)
            raise PendingError(
                f"{names}: still being computed, and this notebook does not wait (%config Penstock.join)"
            )


__all__ = ["Join", "UpstreamCellError"]
