"""Functions that come back from a task see later edits of the notebook."""

from __future__ import annotations

import types
from typing import Any

import cloudpickle
import pytest

from penstock_kernel._cells import CellResult, rehome


@pytest.fixture
def home() -> dict[str, Any]:
    return {"__name__": "__main__", "threshold": 10}


def returned(source: str, name: str = "f") -> Any:
    """A definition as it comes back from a worker: with a private copy of its globals."""
    namespace: dict[str, Any] = {"__name__": "__main__", "threshold": 1}
    exec(source, namespace)
    return cloudpickle.loads(cloudpickle.dumps(namespace[name]))


def test_a_function_reads_the_notebook(home) -> None:
    f = rehome(returned("def f(x, *, y=2): return x + y + threshold\nf.note = 'kept'"), home)
    before = f(1)
    home["threshold"] = 20

    assert (before, f(1), f.note, f.__kwdefaults__) == (13, 23, "kept", {"y": 2})


def test_modules_of_the_cell_come_along(home) -> None:
    f = rehome(returned("import math\ndef f(): return math.floor(threshold)"), home)

    assert f() == 10
    assert isinstance(home["math"], types.ModuleType)


def test_a_function_that_would_lose_a_name_stays_as_it_is(home) -> None:
    f = returned("_scale = 3\ndef f(): return _scale * threshold")

    assert rehome(f, home) is f
    assert f() == 3
    assert "_scale" not in home


@pytest.mark.parametrize("wrap", [lambda f: [f], lambda f: (f,), lambda f: {0: f}])
def test_looks_into_containers(home, wrap) -> None:
    assert rehome(wrap(returned("def f(): return threshold")), home)[0]() == 10


def test_looks_into_results(home) -> None:
    result = rehome(CellResult({"f": returned("def f(): return threshold"), "x": 1}), home)

    assert (result.f(), result.x) == (10, 1)


def test_methods_read_the_notebook(home) -> None:
    source = "class A:\n    def m(self): return threshold\n    @staticmethod\n    def s(): return threshold\n    @classmethod\n    def c(cls): return threshold"
    cls = rehome(returned(source, "A"), home)

    assert (cls().m(), cls.s(), cls.c()) == (10, 10, 10)


@pytest.mark.parametrize("value", [3, "text", len, {"a": [1]}, pytest.param(cloudpickle.dumps, id="library")])
def test_everything_else_is_the_same_object(home, value) -> None:
    assert rehome(value, home) is value
