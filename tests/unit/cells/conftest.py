"""A notebook for tests: cells run in one namespace, and their text is kept where Python looks for it."""

from __future__ import annotations

import linecache
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from penstock_kernel._cells import CellFunction, compile_cell


class Notebook:
    """Runs cells as a kernel does; `namespace` is the user's."""

    def __init__(self) -> None:
        self.namespace: dict[str, Any] = {"__name__": "__main__", "In": [""]}

    def run(self, source: str) -> None:
        history = self.namespace["In"]
        filename = f"<notebook {id(self)} {len(history)}>"
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
        history.append(source)
        exec(compile(source, filename, "exec", dont_inherit=True), self.namespace)

    def task(self, source: str, **options: Any) -> CellFunction:
        return compile_cell("step", source, self.namespace, **options).function

    def call(self, source: str, **options: Any) -> Any:
        compiled = compile_cell("step", source, self.namespace, **options)
        return compiled.function(**compiled.bound.values)


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


def run_python(code: str, *arguments: str, **environment: str) -> str:
    process = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment},
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.fixture
def python() -> Callable[..., str]:
    """Run a program in a fresh interpreter and return what it prints."""
    return run_python
