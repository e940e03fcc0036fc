"""Run All with task cells in the background gives what running each cell to its end gives, in plain IPython."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "cells"))

from notebook_sample import cells

pytestmark = pytest.mark.kernel

_SEEDS = range(40)
_VALUES = (
    "print({name: value for name, value in [('a', a), ('b', b), ('c', c), ('items', items), ('more', more)]})"
)


def plain(seed: int) -> str:
    """Run a notebook's cells one after the other, without tasks, and return its values."""
    namespace: dict[str, object] = {"__name__": "__main__", "print": lambda *_: None}
    for cell in cells(seed):
        exec(cell.source, namespace)
    return str({name: namespace[name] for name in ("a", "b", "c", "items", "more")})


def test_random_notebooks_give_the_values_of_plain_execution(kernel):
    tasks = 0
    for seed in _SEEDS:
        for number, cell in enumerate(cells(seed)):
            reply = kernel.run(cell.text(number))
            assert reply.status == "ok", f"seed {seed}, cell {number}: {reply.traceback}"
            tasks += cell.is_task
        assert kernel.check(_VALUES).printed.strip() == plain(seed), f"seed {seed}"
    assert tasks > 200
