"""Flows by entrypoint: which are found, what runs, and what stands in for those that cannot be loaded."""

from __future__ import annotations

import asyncio
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from penstock import flow
from penstock.exceptions import MissingFlowError, ParameterTypeError, ScriptError, UnspecifiedFlowError
from penstock.flows import (
    Flow,
    is_entrypoint_async,
    load_flow_arguments_from_entrypoint,
    load_flow_from_entrypoint,
    load_function_and_convert_to_flow,
    load_placeholder_flow,
    safe_load_flow_from_entrypoint,
    select_flow,
)

FINE = """
    from penstock import flow, task
    import helper_of_loading

    @flow(retries=2)
    def hello(name: str = "world"):
        return helper_of_loading.greet(name)

    @flow
    async def hello_async(x: int):
        return x

    def plain(x: int):
        print("plain")
        return x

    @task
    def step(): ...

    class Office:
        @flow
        def method(self, x: int):
            return x

        @flow
        @classmethod
        def of_class(cls, x: int):
            return cls.__name__, x

        @flow
        @staticmethod
        def static(x: int):
            return x

    if __name__ == "__main__":
        raise RuntimeError("this is guarded")
"""
BROKEN = """
    from penstock import flow as orchestrated
    import no_such_module_anywhere
    from pydantic import BaseModel

    TIMES = 3

    class Order(BaseModel):
        count: int = TIMES

    @orchestrated(name="my-flow", retries=TIMES, description=f"runs {TIMES} times", log_prints=no_such_module_anywhere.x)
    def broken(order: Order, other: no_such_module_anywhere.T = None, size: int = TIMES, odd=no_such_module_anywhere.y):
        '''Do it.

        Args:
            order: what to do
        '''

    @orchestrated
    async def broken_async(x: int): ...
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a package and files that have flows in them."""
    package = tmp_path / "pack_of_loading"
    package.mkdir()
    (package / "__init__.py").write_text("")
    for name, text in {"fine_of_loading.py": FINE, "broken_of_loading.py": BROKEN}.items():
        (tmp_path / name).write_text(textwrap.dedent(text))
        (package / name).write_text(textwrap.dedent(text))
    (tmp_path / "helper_of_loading.py").write_text("def greet(name): return f'hello {name}'\n")
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if "of_loading" in name:
            del sys.modules[name]


@pytest.mark.parametrize(
    ("entrypoint", "name"),
    [
        ("fine_of_loading.py:hello", "hello"),
        ("./fine_of_loading.py:hello_async", "hello-async"),
        ("fine_of_loading.py:Office.method", "method"),
        ("fine_of_loading.hello", "hello"),
        ("fine_of_loading:hello", "hello"),
        ("pack_of_loading.fine_of_loading.hello", "hello"),
        ("pack_of_loading.fine_of_loading:Office.static", "static"),
        ("pack_of_loading.fine_of_loading.Office.method", "method"),
        ("pack_of_loading/fine_of_loading.py:hello", "hello"),
    ],
)
def test_every_form_of_entrypoint_finds_its_flow(folder, entrypoint, name) -> None:
    found = load_flow_from_entrypoint(entrypoint)

    assert isinstance(found, Flow)
    assert found.name == name


def test_a_loaded_flow_runs_with_what_is_beside_its_file(folder) -> None:
    assert load_flow_from_entrypoint(f"{folder}/fine_of_loading.py:hello")("you") == "hello you"


def test_class_and_static_methods_load_bound(folder) -> None:
    assert load_flow_from_entrypoint("fine_of_loading.py:Office.of_class")("2") == ("Office", 2)
    assert load_flow_from_entrypoint("fine_of_loading.py:Office.static")("2") == 2


def test_loading_runs_the_top_level_but_not_what_is_guarded(folder) -> None:
    """Section 7 (c) 1."""
    (folder / "effect_of_loading.py").write_text(
        "from pathlib import Path\nfrom penstock import flow\nPath('ran').write_text(__name__)\n"
        "@flow\ndef f(): ...\nif __name__ == '__main__':\n    Path('guarded').touch()\n"
    )

    load_flow_from_entrypoint("effect_of_loading.py:f")

    assert (folder / "ran").read_text() != "__main__"
    assert not (folder / "guarded").exists()


def test_loading_leaves_the_import_path_and_no_module_behind(folder) -> None:
    path = list(sys.path)

    loaded = load_flow_from_entrypoint("fine_of_loading.py:hello")

    assert sys.path == path
    assert loaded.fn.__module__ not in sys.modules
    assert cloudpickle.loads(cloudpickle.dumps(loaded.fn)).__name__ == "hello"


def test_two_threads_can_load_the_same_file(folder) -> None:
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(load_flow_from_entrypoint("fine_of_loading.py:hello")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len({id(loaded.fn) for loaded in found}) == 8


@pytest.mark.parametrize(
    ("entrypoint", "error", "text"),
    [
        ("fine_of_loading.py:nobody", MissingFlowError, "name 'nobody' not found in 'fine_of_loading.py'"),
        ("fine_of_loading.nobody", MissingFlowError, "name 'nobody' not found"),
        ("fine_of_loading.py:Office.nobody", MissingFlowError, "name 'Office.nobody' not found"),
        ("fine_of_loading.py:plain", MissingFlowError, "'plain' .* is not a flow. Make sure .* '@flow'"),
        ("fine_of_loading.py:step", MissingFlowError, "is not a flow"),
        ("nowhere_of_loading.py:f", FileNotFoundError, "No such file: 'nowhere_of_loading.py'"),
        ("nowhere_of_loading.f", ModuleNotFoundError, "nowhere_of_loading"),
        ("fine_of_loading.py", ValueError, "names no function"),
        ("hello", ValueError, "names no function"),
    ],
)
def test_what_is_not_there_is_named(folder, entrypoint, error, text) -> None:
    with pytest.raises(error, match=text):
        load_flow_from_entrypoint(entrypoint)


@pytest.mark.parametrize(
    "entrypoint", ["broken_of_loading.py:broken", "pack_of_loading.broken_of_loading.broken"]
)
def test_a_file_that_raises_is_a_script_error_with_the_cause(folder, entrypoint) -> None:
    with pytest.raises(ScriptError, match="no_such_module_anywhere") as caught:
        load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)

    assert isinstance(caught.value.user_exc, ModuleNotFoundError)
    assert caught.value.__cause__ is caught.value.user_exc


def test_a_script_that_exits_is_a_script_error_too(folder) -> None:
    (folder / "exits_of_loading.py").write_text("import sys\nsys.exit(3)\n")

    with pytest.raises(ScriptError, match="SystemExit"):
        load_flow_from_entrypoint("exits_of_loading.py:f")


@pytest.mark.parametrize(
    "entrypoint", ["broken_of_loading.py:broken", "pack_of_loading.broken_of_loading.broken"]
)
def test_a_placeholder_keeps_what_the_source_says(folder, entrypoint) -> None:
    """Section 7 (c) 2: registration goes on when dependencies are missing."""
    placeholder = load_flow_from_entrypoint(entrypoint)

    assert (placeholder.name, placeholder.retries, placeholder.description) == ("my-flow", 3, "runs 3 times")
    assert placeholder.log_prints is None
    assert placeholder.parameters.required == ["order"]
    assert placeholder.parameters.definitions["Order"]["properties"]["count"]["default"] == 3


def test_a_placeholder_raises_the_original_error_when_called(folder, witness) -> None:
    with pytest.raises(ScriptError, match="no_such_module_anywhere"):
        load_flow_from_entrypoint("broken_of_loading.py:broken").with_options(retries=0)(1)
    with pytest.raises(ScriptError, match="no_such_module_anywhere"):
        asyncio.run(load_flow_from_entrypoint("broken_of_loading.py:broken_async")(1))

    assert witness.states("my-flow")[-1] == "Failed"


def test_a_placeholder_raises_whatever_it_is_told_to(folder) -> None:
    with pytest.raises(KeyError, match="mine"):
        load_placeholder_flow("fine_of_loading.py:hello", raises=KeyError("mine")).with_options(retries=0)()


def test_no_placeholder_stands_in_for_a_flow_that_is_not_in_the_source(folder) -> None:
    with pytest.raises(ScriptError, match="no_such_module_anywhere"):
        load_flow_from_entrypoint("broken_of_loading.py:nobody")


def test_a_file_with_a_syntax_error_is_a_script_error(folder) -> None:
    (folder / "typo_of_loading.py").write_text("def f(:\n")

    with pytest.raises(ScriptError, match="SyntaxError"):
        load_flow_from_entrypoint("typo_of_loading.py:f")


@pytest.mark.parametrize("entrypoint", ["fine_of_loading.py:plain", "fine_of_loading.plain"])
def test_a_plain_function_becomes_a_flow_that_logs_its_prints(folder, entrypoint) -> None:
    made = load_function_and_convert_to_flow(entrypoint)

    assert (made.name, made.log_prints, made("4")) == ("plain", True, 4)


def test_a_flow_stays_the_flow_it_is(folder) -> None:
    assert load_function_and_convert_to_flow("fine_of_loading.py:hello").retries == 2
    with pytest.raises(MissingFlowError, match="'nobody' not found"):
        load_function_and_convert_to_flow("fine_of_loading.py:nobody")


def test_safe_loading_gives_none_for_whatever_fails(folder) -> None:
    names = [
        "fine_of_loading.py:hello",
        "broken_of_loading.py:broken",
        "fine_of_loading.py:nobody",
        "gone.py:f",
        "x",
    ]
    found = [safe_load_flow_from_entrypoint(name) for name in names]

    assert [loaded and loaded.name for loaded in found] == ["hello", None, None, None, None]


def test_arguments_are_read_from_the_decorator_alone(folder) -> None:
    assert load_flow_arguments_from_entrypoint("broken_of_loading.py:broken") == {
        "name": "my-flow",
        "retries": 3,
        "description": "runs 3 times",
    }
    assert load_flow_arguments_from_entrypoint("broken_of_loading.py:broken", ["retries"]) == {"retries": 3}
    assert load_flow_arguments_from_entrypoint("fine_of_loading.hello_async") == {"name": "hello-async"}
    with pytest.raises(ValueError, match="Could not find function 'nobody'"):
        load_flow_arguments_from_entrypoint("fine_of_loading.py:nobody")


def test_async_is_seen_in_the_source(folder) -> None:
    names = [
        "broken_of_loading.py:broken",
        "broken_of_loading.py:broken_async",
        "fine_of_loading.py:Office.method",
    ]
    assert [is_entrypoint_async(name) for name in names] == [False, True, False]


def test_selecting_one_of_several_flows() -> None:
    one, two = flow(name="one")(lambda: 1), flow(name="two")(lambda: 2)

    assert select_flow([one]) is one
    assert select_flow([one, two], "two") is two
    with pytest.raises(UnspecifiedFlowError, match="Found 2 flows in script 'x.py': 'one', 'two'"):
        select_flow([one, two], from_message="in script 'x.py'")
    with pytest.raises(MissingFlowError, match="Flow 'three' not found. Found the following flows: 'one'"):
        select_flow([one], "three")
    with pytest.raises(MissingFlowError, match="No flows found"):
        select_flow([])


def test_loaded_flows_validate_like_others(folder) -> None:
    with pytest.raises(ParameterTypeError, match="name: Input should be a valid string"):
        load_flow_from_entrypoint("fine_of_loading.py:hello")(1)


@pytest.mark.parametrize(
    ("which", "facts"),
    [("hello", (False, False, False)), ("method", (False, False, False)), ("of_class", (True, False, False)), ("static", (False, False, True))],
)  # fmt: skip
def test_flows_and_tasks_say_which_kind_of_method_they_are(which, facts) -> None:
    from penstock import task

    for kind in (flow, task):

        class Office:
            @kind
            def method(self): ...

            @kind
            @classmethod
            def of_class(cls): ...

            @kind
            @staticmethod
            def static(): ...

        hello = kind(lambda: None)
        it = hello if which == "hello" else getattr(Office, which)
        assert (it.isclassmethod(), it.ismethod(), it.isstaticmethod()) == facts
        assert (bool(it.isclassmethod), bool(it.ismethod), bool(it.isstaticmethod)) == facts
        assert Office().method.ismethod()
        assert not Office().of_class.ismethod
