"""The cell compiler: from the text of a notebook cell to a function that runs it on any runner.

Workers import this package to run cells, so nothing here imports IPython when it is loaded.
"""

from __future__ import annotations

from penstock_kernel._cells.analysis import analyse as analyse
from penstock_kernel._cells.analysis import user_names as user_names
from penstock_kernel._cells.compiler import CompiledCell as CompiledCell
from penstock_kernel._cells.compiler import compile_cell as compile_cell
from penstock_kernel._cells.errors import CellError as CellError
from penstock_kernel._cells.errors import CellRefusedError as CellRefusedError
from penstock_kernel._cells.errors import MissingInputsError as MissingInputsError
from penstock_kernel._cells.errors import MissingModuleError as MissingModuleError
from penstock_kernel._cells.errors import TaskLineError as TaskLineError
from penstock_kernel._cells.errors import UnboundOutputError as UnboundOutputError
from penstock_kernel._cells.facts import CellFacts as CellFacts
from penstock_kernel._cells.facts import Magic as Magic
from penstock_kernel._cells.facts import Problem as Problem
from penstock_kernel._cells.function import CellCode as CellCode
from penstock_kernel._cells.function import CellFunction as CellFunction
from penstock_kernel._cells.inputs import Bound as Bound
from penstock_kernel._cells.inputs import split_inputs as split_inputs
from penstock_kernel._cells.rehome import rehome as rehome
from penstock_kernel._cells.result import CellResult as CellResult
from penstock_kernel._cells.runtime import show as show
from penstock_kernel._cells.task_line import TaskLine as TaskLine
from penstock_kernel._cells.task_line import parse_task_line as parse_task_line
from penstock_kernel._cells.task_line import usage as usage

__all__ = [
    "Bound",
    "CellCode",
    "CellError",
    "CellFacts",
    "CellFunction",
    "CellRefusedError",
    "CellResult",
    "CompiledCell",
    "Magic",
    "MissingInputsError",
    "MissingModuleError",
    "Problem",
    "TaskLine",
    "TaskLineError",
    "UnboundOutputError",
    "analyse",
    "compile_cell",
    "parse_task_line",
    "rehome",
    "show",
    "split_inputs",
    "usage",
    "user_names",
]
