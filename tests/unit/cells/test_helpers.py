"""Functions and classes of the notebook travel with the cell, also into another process."""

from __future__ import annotations

import base64
import json
import pickle
import types

import cloudpickle
import pytest

from penstock_kernel._cells import compile_cell

LOAD_AND_CALL = """
import base64, json, pickle, sys
function, arguments = pickle.loads(base64.b64decode(sys.argv[1]))
try:
    print(json.dumps(function(**arguments)))
except ZeroDivisionError:
    import traceback
    traceback.print_exc(file=sys.stdout)
assert "IPython" not in sys.modules
"""


def elsewhere(python, notebook, source: str, **options: object) -> str:
    """Run a cell in a fresh interpreter that knows nothing of the notebook."""
    compiled = compile_cell("step", source, notebook.namespace, **options)
    payload = cloudpickle.dumps((compiled.function, compiled.bound.values))
    return python(LOAD_AND_CALL, base64.b64encode(payload).decode()).strip()


def test_data_modules_and_helpers_are_told_apart(notebook) -> None:
    notebook.run(
        "import json\nfrom pathlib import Path\nK = 2\ndef f(x): return g(x) * K\ndef g(x): return x + 1"
    )
    notebook.run("class A: pass\nhalf = lambda x: x / 2\ndata = A()")
    compiled = compile_cell("step", "r = f(json.loads('1')), Path, A, half, data, len", notebook.namespace)

    assert compiled.bound.values == {"data": notebook.namespace["data"], "K": 2}
    assert compiled.bound.modules == {"json": "json", "Path": "pathlib:Path"}
    assert list(compiled.bound.helpers) == ["f", "A", "half", "g"]


def test_library_callables_are_imported_again(notebook) -> None:
    pytest.importorskip("numpy")
    notebook.run("from numpy import sin, mean\nfrom math import floor\nfrom os import environ")
    bound = compile_cell("step", "r = floor(mean(sin([1]))), environ", notebook.namespace).bound

    assert bound.modules == {"floor": "math:floor", "mean": "numpy:mean", "sin": "numpy:sin"}
    assert list(bound.values) == ["environ"]


def test_helpers_use_the_inputs_of_the_task(notebook) -> None:
    notebook.run("K = 2\ndef f(x): return x * K")
    step = notebook.task("r = f(5)")

    assert (step.inputs, step(K=2), step(K=3)) == (("K",), 10, 15)


def test_helpers_run_in_another_process(notebook, python) -> None:
    notebook.run(
        "import math as m\nK = 2\ndef even(n): return n == 0 or odd(n - 1)\ndef odd(n): return n != 0 and even(n - 1)"
    )
    notebook.run("def area(r, *, f=K): return m.floor(m.pi * r) * f + K")

    assert json.loads(elsewhere(python, notebook, "r = [even(4), area(1), [area(i) for i in range(2)]]")) == [
        True,
        8,
        [2, 8],
    ]


def test_classes_and_their_instances_agree_in_another_process(notebook, python) -> None:
    notebook.run(
        "import dataclasses\nBASE = 1\n@dataclasses.dataclass\nclass P:\n    x: int\n    def up(self): return self.x + BASE"
    )
    notebook.run("p = P(2)")

    assert json.loads(elsewhere(python, notebook, "r = [isinstance(p, P), p == P(2), p.up()]")) == [
        True,
        True,
        3,
    ]


def test_decorated_helpers_travel(notebook, python) -> None:
    notebook.run(
        "import functools\ndef twice(f):\n    @functools.wraps(f)\n    def g(*a): return 2 * f(*a)\n    return g"
    )
    notebook.run("K = 1\n@twice\ndef f(x): return x + K")

    assert json.loads(elsewhere(python, notebook, "r = f(2)")) == 6


def test_what_cannot_be_pickled_is_made_again_from_its_text(notebook, python) -> None:
    notebook.run("import functools\nK = 1\n@functools.lru_cache\ndef f(x): return x + K")
    compiled = compile_cell("step", "r = f(2)", notebook.namespace)

    assert compiled.bound.helpers["f"].payload == b""
    assert "functools" in compiled.bound.modules
    assert json.loads(elsewhere(python, notebook, "r = f(2)")) == 3


def test_what_cannot_be_sent_at_all_names_the_obstacle(notebook) -> None:
    notebook.run(
        "import threading\ndef make():\n    lock = threading.Lock()\n    def f():\n        with lock: return 1\n    return f\nf = make()"
    )
    del notebook.namespace["In"][1:]
    notebook.namespace["f"].__code__ = notebook.namespace["f"].__code__.replace(co_filename="<lost>")
    step = notebook.task("r = f()")

    assert step() == 1
    with pytest.raises(pickle.PicklingError, match=r"f, which the task uses, .*lock"):
        pickle.dumps(step)


def test_a_round_trip_in_the_same_process_keeps_the_class(notebook) -> None:
    notebook.run("K = 1\nclass A:\n    def k(self): return K")
    method = notebook.namespace["A"].k
    step = pickle.loads(pickle.dumps(notebook.task("r = A")))

    assert step(K=1) is notebook.namespace["A"]
    assert notebook.namespace["A"].k is method


def test_the_traceback_finds_the_text_in_another_process(notebook, python) -> None:
    text = elsewhere(python, notebook, "x = 1\ny = x / 0  # here", header="%%task step")

    assert "<task step #" in text
    assert "line 3, in <module>\n    y = x / 0  # here" in text


IN_IPYTHON = """
from IPython.core.interactiveshell import InteractiveShell
from penstock_kernel._cells import compile_cell
shell = InteractiveShell.instance()
shell.run_cell("import math\\nK = 2\\nclass A:\\n    v = K\\n", store_history=True)
shell.run_cell("%time\\ndef f(p): return math.floor(p.v) + K", store_history=True)
shell.run_cell("f(A())", store_history=True)
cell = "a = f(A())\\nb = open\\ndisplay(a)"
compiled = compile_cell("step", cell, shell.user_ns, hidden=shell.user_ns_hidden, outputs=["a"])
helpers = compiled.bound.helpers
print(sorted(compiled.bound.values), sorted(helpers), compiled.bound.modules)
print(helpers["A"].source.splitlines()[0], helpers["f"].source.splitlines()[0])
print(compiled.function(**compiled.bound.values))
"""


def test_in_a_real_shell(python, tmp_path) -> None:
    lines = python(IN_IPYTHON, IPYTHONDIR=str(tmp_path)).splitlines()

    assert "['K'] ['A', 'f'] {'math': 'math'}" in lines
    assert "class A: def f(p): return math.floor(p.v) + K" in lines
    assert lines[-2:] == ["4", "4"]


def test_ipythons_own_open_is_no_input(notebook) -> None:
    def opener() -> None: ...

    opener.__module__ = "IPython.core.interactiveshell"
    notebook.namespace["open"] = opener

    assert notebook.task("r = open").inputs == ()


KEY = """
import linecache, sys
from penstock_kernel._cells import compile_cell
namespace = {"__name__": "__main__", "In": [sys.argv[1]]}
exec(sys.argv[1], namespace)
print(compile_cell("step", sys.argv[2], namespace).function.source_key)
"""
SETUP = "def f(x):\n    '''Doc.'''\n    return {x, 'a', 'b'} | g()\ndef g(): return {1}  # one\nclass A:\n    v = 1\n"


def test_the_key_is_the_same_in_every_process(python) -> None:
    cell = "s = f(1), A\nlen(s)"
    keys = {python(KEY, SETUP, cell, PYTHONHASHSEED=str(seed)) for seed in (1, 2)}

    assert len(keys) == 1
    assert len(keys.pop().strip()) == 64


@pytest.fixture
def key(notebook):
    def key(setup: str, cell: str, **options: object) -> str:
        notebook.namespace.clear()
        notebook.__init__()
        notebook.run(setup)
        return notebook.task(cell, **options).source_key

    return key


@pytest.mark.parametrize(
    ("setup", "cell"),
    [
        (SETUP, "# comment\ns = ( f(1),\n      A )  # more\nlen(s)\n"),
        (SETUP, "%%time\ns = f(1), A\nlen(s)"),
        (SETUP.replace("Doc", "Other words").replace("# one", ""), "s = f(1), A\nlen(s)"),
    ],
    ids=["formatting", "timing", "documentation of helpers"],
)
def test_the_key_ignores_what_means_nothing(key, setup, cell) -> None:
    assert key(setup, cell) == key(SETUP, "s = f(1), A\nlen(s)")


@pytest.mark.parametrize(
    ("setup", "cell", "options"),
    [
        (SETUP, "s = f(2), A\nlen(s)", {}),
        (SETUP, "s = f(1), A\nlen(s);", {}),
        (SETUP, "s = f(1), A\nlen(s)", {"outputs": []}),
        (SETUP.replace("{1}", "{2}"), "s = f(1), A\nlen(s)", {}),
        (SETUP.replace("v = 1", "v = 2"), "s = f(1), A\nlen(s)", {}),
    ],
    ids=["code", "display", "outputs", "helper of a helper", "class"],
)
def test_the_key_sees_every_change_of_meaning(key, setup, cell, options) -> None:
    assert key(setup, cell, **options) != key(SETUP, "s = f(1), A\nlen(s)")


def test_the_key_sees_a_helper_without_text(notebook) -> None:
    def key_of(body: str) -> str:
        exec(f"def f(): return {body}", notebook.namespace)
        return notebook.task("r = f()").source_key

    assert key_of("1") != key_of("2")
    assert key_of("[i for i in {1, 2}]") == key_of("[i for i in {1, 2}]")


def test_the_key_sees_a_task_made_of_a_cell(notebook) -> None:
    class Task:
        def __init__(self, fn: object) -> None:
            self.fn = fn
            self.__module__ = "__main__"

        def __call__(self) -> object:
            return self.fn()

    def key_of(cell: str) -> str:
        notebook.namespace["load"] = Task(notebook.task(cell))
        return notebook.task("r = load()").source_key

    assert key_of("x = 1") == key_of("x = 1  # same")
    assert key_of("x = 1") != key_of("x = 2")


def test_a_function_that_lost_its_notebook_keeps_its_globals(notebook) -> None:
    code = compile("def f(): return _scale", "<elsewhere>", "exec")
    other: dict[str, object] = {"__name__": "__main__", "_scale": 3}
    exec(code, other)
    notebook.namespace["f"] = other["f"]

    assert isinstance(other["f"], types.FunctionType)
    assert notebook.call("r = f()") == 3


@pytest.mark.parametrize(
    ("setup", "outputs"),
    [
        ("def grow(): items.append(1)", "n items"),
        ("def grow():\n    global count\n    count += 1", "n count"),
        ("class Bag:\n    def grow(self): items.append(1)\ndef grow(): Bag().grow()", "n items"),
        ("def grow():\n    items = []\n    items.append(1)", "n"),
        ("def grow(): return len(items)", "n"),
    ],
)
def test_what_a_helper_changes_in_the_notebook_is_an_output(notebook, setup, outputs) -> None:
    """Else a later cell would not wait for the change, and another process would keep it to itself."""
    notebook.run(f"items, count = [], 0\n{setup}")
    assert notebook.task("grow()\nn = 1").outputs == tuple(outputs.split())
