"""Which recorder takes the output of the code that runs now."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from penstock_kernel._cells.recorder import Recorder

#: None for where output always goes.
recorder: ContextVar[Recorder | None] = ContextVar("penstock_recorder", default=None)
