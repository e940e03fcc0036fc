"""What a task's source is made of: a changed helper is seen, a changed comment is not."""

from __future__ import annotations

import importlib
import json
import linecache
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from penstock import task
from penstock._results import origins
from penstock._results.fingerprint import fingerprint
from penstock._results.policies import TASK_SOURCE, key_of
from penstock._results.sources import source_parts

Edit = Callable[[str], Any]

BASE = '''
import logging
import numpy as np
from functools import lru_cache, partial, wraps
from penstock import task
from threading import Lock

LIMIT = 3
TABLE = {"a": 1}
seen = []
lock = Lock()
log = logging.getLogger("own")

def traced(fn):
    @wraps(fn)
    def inner(*args):
        return fn(*args)
    return inner

def deep(x):
    return x + LIMIT

def clean(x):
    return deep(x)

def even(n):
    return n == 0 or odd(n - 1)

def odd(n):
    return n != 0 and even(n - 1)

@lru_cache
def cached(x):
    return x * 2

@traced
def wrapped(x):
    return x

class Base:
    def size(self):
        return 1

class Model(Base):
    """A model."""
    scale = 2
    def run(self, x):
        return clean(x) * self.scale

model = Model()

def unused(x):
    return 0

@task
def other(x):
    return x

doubled = partial(deep, 4)

@task(retries=1)
def work(x, n=1):
    """Do it."""
    with lock:
        seen.append(x)
    log.info("x")
    y = [LIMIT for LIMIT in (1, 2)]  # a name of its own
    return clean(x) + TABLE["a"] + even(n) + cached(x) + wrapped(x) + model.run(x) + other.fn(x) + np.sum(y) + doubled()
'''


@pytest.fixture
def edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Edit]:
    """Write a module and import it anew; return it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    names: list[str] = []

    def load(text: str, name: str = "own_steps") -> ModuleType:
        (tmp_path / f"{name}.py").write_text(text)
        sys.modules.pop(name, None)
        importlib.invalidate_caches()
        linecache.clearcache()
        sys.dont_write_bytecode = True
        names.append(name)
        return importlib.import_module(name)

    yield load
    for name in names:
        sys.modules.pop(name, None)


def parts_of(module: Any) -> dict[str, str]:
    return {name: part.digest for name, part in source_parts(module.work, fingerprint).items()}


def test_the_parts_are_what_the_code_refers_to(edit) -> None:
    parts = parts_of(edit(BASE))

    assert set(parts) == {
        "source",
        *(f"helper {name}" for name in ("Base", "Model", "cached", "clean", "deep", "even", "odd", "other")),
        *(
            "helper traced.inner",
            "helper wrapped",
            "global TABLE",
            "global LIMIT",
            "global lock",
            "global log",
        ),
        *("global model", "global arguments of deep", "module numpy"),
    }


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("return x + LIMIT", "return x - LIMIT", {"helper deep"}),
        ("return deep(x)", "return deep(x) + 1", {"helper clean"}),
        ("LIMIT = 3", "LIMIT = 4", {"global LIMIT"}),
        ('TABLE = {"a": 1}', 'TABLE = {"a": 2}', {"global TABLE"}),
        ("n != 0 and", "n > 0 and", {"helper odd"}),
        ("return x * 2", "return x * 3", {"helper cached"}),
        ("        return fn(*args)", "        return -fn(*args)", {"helper traced.inner"}),
        ("@traced\ndef wrapped", "def wrapped", {"helper traced.inner", "helper wrapped"}),
        ("scale = 2", "scale = 3", {"helper Model"}),
        ("        return 1\n", "        return 2\n", {"helper Base"}),
        ("partial(deep, 4)", "partial(deep, 5)", {"global arguments of deep"}),
        ("return clean(x) +", "return clean(x) -", {"source"}),
        ("def work(x, n=1)", "def work(x, n=2)", {"source"}),
        ("@task\ndef other(x):\n    return x", "@task\ndef other(x):\n    return -x", {"helper other"}),
    ],
)
def test_a_change_of_meaning_changes_its_part_only(edit, before, after, changed) -> None:
    assert before in BASE
    one = parts_of(edit(BASE))
    other = parts_of(edit(BASE.replace(before, after)))

    assert {name for name in {**one, **other} if one.get(name) != other.get(name)} == changed


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    return deep(x)", "    # why\n    return deep( x )  # how"),
        ('    """Do it."""\n', ""),
        ('    """A model."""\n', '    """The model, in\n    two lines."""\n'),
        ("@task(retries=1)", "@task(retries=5, tags=['a'])"),
        ("@task\ndef other", "@task(name='x')\ndef other"),
        ("def unused(x):\n    return 0", "def unused(x):\n    return 1"),
        ("seen = []", "seen = [1]"),
        ("def deep(x):\n    return x + LIMIT", "def deep(x):\n    return (x\n        + LIMIT)"),
        ("\nLIMIT = 3", "\n\n\n\nLIMIT = 3"),
        ('TABLE["a"]', "TABLE['a']"),
    ],
)
def test_what_has_no_meaning_changes_nothing(edit, before, after) -> None:
    assert before in BASE

    assert parts_of(edit(BASE)) == parts_of(edit(BASE.replace(before, after)))


def test_names_of_other_modules_of_ones_own_are_followed(edit) -> None:
    steps = "import own_help\nfrom own_help import scale\ndef work(x):\n    return own_help.clean(scale(x))\n"
    helpers = (
        "N = 1\ndef clean(x):\n    return x + N\ndef scale(x):\n    return x\ndef unused(x):\n    return x\n"
    )
    edit(helpers, "own_help")
    one = parts_of(edit(steps))
    edit(helpers.replace("N = 1", "N = 2"), "own_help")
    other = parts_of(edit(steps))
    edit(helpers.replace("unused(x):\n    return x", "unused(x):\n    return 9"), "own_help")
    same = parts_of(edit(steps))

    assert set(one) == {"source", "helper own_help.clean", "helper own_help.scale", "global own_help.N"}
    assert {name for name in one if one[name] != other[name]} == {"global own_help.N"}
    assert same == one


def test_a_module_of_ones_own_that_is_handed_on_counts_as_a_whole(edit) -> None:
    steps = "import own_help\ndef work(name):\n    return getattr(own_help, name)\n"
    edit("A = 1  # one\n", "own_help")
    one = parts_of(edit(steps))
    edit("A = 1\n", "own_help")
    same = parts_of(edit(steps))
    edit("A = 2\n", "own_help")

    assert one == same != parts_of(edit(steps))
    assert set(one) == {"source", "helper own_help"}


def test_a_library_counts_by_name_and_version(edit, monkeypatch) -> None:
    import numpy as np

    module = edit(
        "import numpy as np\nfrom numpy.linalg import norm\ndef work(x):\n    return np.sum(x) + norm(x)\n"
    )
    one = parts_of(module)
    monkeypatch.setattr(np, "__version__", "99.0")
    origins.version_of.cache_clear()
    other = parts_of(module)
    monkeypatch.undo()
    origins.version_of.cache_clear()

    assert (one["module numpy"], other["module numpy"]) == (np.__version__, "99.0")


def test_python_and_penstock_do_not_count(edit) -> None:
    module = edit(
        "import json, re\nfrom pathlib import Path\nfrom penstock import get_run_logger\n"
        "def work(x):\n    get_run_logger().info(re.escape(json.dumps(x)))\n    return Path(x), len(x)\n"
    )

    assert set(parts_of(module)) == {"source"}


def test_closed_over_values_count_and_state_does_not() -> None:
    def make(limit: int, calls: list[int]) -> Any:
        total = 0

        def work(x: int) -> int:
            nonlocal total
            total += x
            calls.append(x)
            return x < limit

        return work

    one, same, other = make(1, []), make(1, [5]), make(2, [])
    one(1)
    keys = [key_of(source_parts(fn, fingerprint)) for fn in (one, same, other)]

    assert keys[0] == keys[1] != keys[2]
    assert set(source_parts(one, fingerprint)) == {"source", "global limit"}


def test_lambdas_of_one_line_are_told_apart() -> None:
    one, other, nested = (lambda x: x + 1), (lambda x: x + 2), (lambda x: (lambda y: y + x))  # fmt: skip
    keys = {key_of(source_parts(fn, fingerprint)) for fn in (one, other, nested, nested(1))}

    assert len(keys) == 4
    assert (
        source_parts(one, fingerprint)["source"].digest
        == source_parts(lambda x: x + 1, fingerprint)["source"].digest
    )


def test_functions_without_a_text_are_told_apart_by_what_they_do() -> None:
    def made(text: str) -> Any:
        namespace: dict[str, Any] = {"LIMIT": 3}
        exec(text, namespace)  # a function whose text is nowhere
        return namespace["f"]

    texts = [
        "def f(x): return x + 1",
        "def f(x): return x + 1",
        "def f(x): return x + 2",
        "def f(x): return x + LIMIT",
    ]
    keys = [key_of(source_parts(made(text), fingerprint)) for text in texts]

    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    assert "global LIMIT" in source_parts(made(texts[3]), fingerprint)


def test_a_global_that_holds_the_code_itself_is_no_endless_story(edit) -> None:
    text = "REGISTRY = {}\ndef work(x):\n    return REGISTRY['work']\nREGISTRY['work'] = work\nREGISTRY['n'] = 1\n"
    one = parts_of(edit(text))

    assert set(one) == {"source", "global REGISTRY"}
    assert one == parts_of(edit(text))
    assert one != parts_of(edit(text.replace("= 1", "= 2")))


def test_methods_tasks_and_callable_objects_have_a_source(edit) -> None:
    module = edit(
        "from penstock import task\nclass Adder:\n    def __init__(self, n):\n        self.n = n\n"
        "    def __call__(self, x):\n        return x + self.n\n    def add(self, x):\n        return x + self.n\n"
        "add = Adder(1).add\ncall = Adder(1)\n@task\ndef work(x):\n    return x\n"
    )

    for value in (module.add, module.call, module.work, module.work.fn, module.Adder):
        assert "source" in source_parts(value, fingerprint)
    assert source_parts(module.work, fingerprint) == source_parts(module.work.fn, fingerprint)


def test_a_file_edited_after_its_import_does_not_change_the_key_of_what_runs(edit, tmp_path) -> None:
    module = edit("def work(x):\n    return x + 1\n")
    before = parts_of(module)
    (tmp_path / "own_steps.py").write_text("def work(x):\n    return x + 2\n")
    linecache.clearcache()

    assert parts_of(module) == before


CELLS = """
import json
from IPython.core.interactiveshell import InteractiveShell
from penstock._results.fingerprint import fingerprint
from penstock._results.sources import source_parts

shell = InteractiveShell.instance()
def cell(text):
    shell.run_cell(text).raise_error()
def keys():
    return {name: part.digest for name, part in source_parts(shell.user_ns["work"], fingerprint).items()}

cell('''from dataclasses import dataclass
@dataclass
class Point:
    x: int = 0
def clean(p):
    return p.x + N
N = 1
''')
cell("def work(x):\\n    return clean(Point(x))")
answers = [keys()]
cell("def clean(p):\\n    # a comment\\n    return (p.x + N)")
answers.append(keys())
cell("def clean(p):\\n    return p.x - N")
answers.append(keys())
cell("N = 2")
answers.append(keys())
cell("@dataclass\\nclass Point:\\n    x: int = 1")
answers.append(keys())
print(json.dumps(answers))
"""


def test_cells_of_a_notebook_count_like_modules(script) -> None:
    answers = json.loads(script(CELLS).stdout.splitlines()[-1])

    assert set(answers[0]) == {"source", "helper Point", "helper clean", "global N"}
    changed = [{name for name in one if one[name] != other[name]} for one, other in pairwise(answers)]
    assert changed == [set(), {"helper clean"}, {"global N"}, {"helper Point"}]


SCRIPT = """
from penstock import flow, task
from penstock.cache_policies import TASK_SOURCE

def clean(x):
    return x + 1

@task(cache_policy=TASK_SOURCE)
def work(x):
    return clean(x)

state = work(1, return_state=True)
print(state.name, state.result())
"""


def test_a_script_computes_again_when_a_helper_changed_and_not_for_a_comment(script, own_home) -> None:
    texts = [
        SCRIPT,
        SCRIPT.replace("def clean(x):", "def clean(x):\n    # why"),
        SCRIPT.replace("x + 1", "x + 2"),
        SCRIPT,
    ]
    printed = [script(text).stdout.strip() for text in texts]

    assert printed == ["Completed 2", "Cached 2", "Completed 3", "Cached 2"]


def test_the_key_of_a_task_does_not_hang_on_live_things() -> None:
    """Locks and loggers count by type: they have no content that a result could depend on."""
    lock, log = threading.Lock(), logging.getLogger("x")

    def work() -> None:
        with lock:
            log.info("x")

    parts = source_parts(work, fingerprint)

    assert parts["global lock"].digest == "_thread.lock"
    assert task(work, cache_policy=TASK_SOURCE)(return_state=True).name == "Completed"
