"""Run All with cells in the background gives what running each cell to its end gives, in plain IPython."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

_SAMPLES = Path(__file__).parents[2] / "unit" / "cells"
sys.path.insert(0, str(_SAMPLES))

from notebook_sample import cells

pytestmark = pytest.mark.kernel

_SEEDS = range(40)
_NAMES = ["a", "b", "c", "items", "more"]
_VALUES = f"__import__('json').dumps([get_ipython().user_ns[n] for n in {_NAMES}])"
#: IPython's shell as it comes, without the extension, runs each notebook's cells one after the other.
_PLAIN = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from notebook_sample import cells
found = []
for seed in range(int(sys.argv[1])):
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(history_load_length=0)
    for cell in cells(seed):
        shell.run_cell(cell.source, silent=True).raise_error()
    found.append([shell.user_ns[name] for name in ["a", "b", "c", "items", "more"]])
print("values:", json.dumps(found))
"""


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> list[list[object]]:
    """The values that plain IPython gives, by seed."""
    import os

    home = str(tmp_path_factory.mktemp("ipython"))
    env = {**os.environ, "PYTHONPATH": str(_SAMPLES), "IPYTHONDIR": home}
    command = [sys.executable, "-c", _PLAIN, str(len(_SEEDS))]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.rpartition("values: ")[2])
    assert len(found) == len(_SEEDS)
    return found


def test_random_notebooks_give_the_values_of_plain_ipython(kernel, plain):
    ran = dict.fromkeys(["plain", "task", "flow"], 0)
    seeds = _SEEDS if kernel.python == sys.executable else _SEEDS[:10]
    for seed in seeds:
        for number, cell in enumerate(cells(seed)):
            reply = kernel.run(cell.text(number))
            assert reply.status == "ok", f"seed {seed}, cell {number}: {reply.traceback}"
            ran[cell.kind] += 1
        kernel.check("; ".join(_NAMES))  # waits for all of them
        assert json.loads(kernel.check(f"print({_VALUES})").printed) == plain[seed], f"seed {seed}"
    assert ran["task"] > 5 * len(seeds)
    assert ran["flow"] > len(seeds)
