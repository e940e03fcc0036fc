"""Errors of the cell compiler.

    CellError (ValueError, PenstockException)
    ├── CellRefusedError     the cell holds something no task can do
    ├── MissingInputsError   the cell reads names the notebook does not have
    ├── UnboundOutputError   a task ended without binding an output that was asked for
    ├── MissingModuleError   a module the cell uses is not installed where it runs (also ModuleNotFoundError)
    └── TaskLineError        the text behind %%task is wrong

All of them survive pickling: they are rebuilt from the fields they were made of.
"""

from __future__ import annotations

from collections.abc import Sequence

from penstock.exceptions import PenstockException
from penstock_kernel._cells.facts import Problem


class CellError(ValueError, PenstockException):
    """Root of the errors about cells."""


class CellRefusedError(CellError):
    """The cell holds something no task can do; `problems` says what and where."""

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        self.name, self.problems = name, tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"the cell of task {name!r} cannot run as a task:\n{lines}")

    def __reduce__(self) -> tuple[type[CellRefusedError], tuple[str, tuple[Problem, ...]]]:
        return type(self), (self.name, self.problems)


class MissingInputsError(CellError, NameError):
    """The cell reads names the notebook does not have."""

    def __init__(self, task: str, names: Sequence[str]) -> None:
        self.task, self.names = task, tuple(names)
        listed = ", ".join(self.names)
        verb = "is" if len(self.names) == 1 else "are"
        super().__init__(
            f"the cell of task {task!r} reads {listed}, which {verb} not defined in the notebook; "
            "run the cell that defines it first"
        )

    def __reduce__(self) -> tuple[type[MissingInputsError], tuple[str, tuple[str, ...]]]:
        return type(self), (self.task, self.names)


class UnboundOutputError(CellError):
    """The task ended without binding an output that was asked for."""

    def __init__(self, task: str, output: str) -> None:
        self.task, self.output = task, output
        super().__init__(
            f"task {task!r} was to give {output!r} (--out), but its cell ended without binding that name; "
            "bind it on every way through the cell or leave it out of --out"
        )

    def __reduce__(self) -> tuple[type[UnboundOutputError], tuple[str, str]]:
        return type(self), (self.task, self.output)


class MissingModuleError(CellError, ModuleNotFoundError):
    """A module the notebook has imported is not installed where the task runs."""

    def __init__(self, task: str, module: str) -> None:
        self.task, self.module = task, module
        super().__init__(
            f"task {task!r} uses the module {module!r}, which cannot be imported where the task runs; "
            "install it there"
        )

    def __reduce__(self) -> tuple[type[MissingModuleError], tuple[str, str]]:
        return type(self), (self.task, self.module)


class TaskLineError(CellError):
    """The text behind `%%task` is wrong."""
