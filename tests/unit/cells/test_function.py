"""A cell runs in a namespace of its own and gives back its outputs."""

from __future__ import annotations

import asyncio
import copy
import functools
import inspect
import pickle
import traceback

import cloudpickle
import pytest

from penstock_kernel._cells import (
    CellCode,
    CellFunction,
    CellRefusedError,
    CellResult,
    MissingInputsError,
    MissingModuleError,
    UnboundOutputError,
    compile_cell,
    show,
)


def test_one_output_is_returned_as_it_is(notebook) -> None:
    notebook.run("x = 20")

    assert notebook.call("y = x + 1") == 21


def test_several_outputs_are_returned_by_name(notebook) -> None:
    assert notebook.call("a = 1\nb = [2]") == CellResult({"a": 1, "b": [2]})


def test_without_outputs_the_last_expression_is_the_result(notebook) -> None:
    assert notebook.call("import math\nmath.floor(2.5)") == 2


def test_a_quiet_last_expression_is_no_result(notebook) -> None:
    assert notebook.call("max(1, 2);") is None


def test_a_text_alone_is_the_result(notebook) -> None:
    assert notebook.call("'hello'") == "hello"


@pytest.mark.parametrize(("source", "result"), [("y = 1\ny + 1", 1), ("1 + 1", 2)])
def test_the_last_expression_is_shown(notebook, source, result) -> None:
    shown: list[object] = []
    token = show.set(shown.append)
    try:
        assert notebook.call(source) == result
    finally:
        show.reset(token)

    assert shown == [2]


def test_none_is_not_shown(notebook) -> None:
    shown: list[object] = []
    token = show.set(shown.append)
    try:
        notebook.call("print('x')")
    finally:
        show.reset(token)

    assert shown == []


def test_the_namespace_is_fresh_and_is_called_main(notebook) -> None:
    notebook.run("x = 1\nhidden = 2")
    names = notebook.call("x = x + 1\nnames = sorted(set(vars()) - {1})", inputs=["x"], outputs=["names"])

    assert names == ["__builtins__", "__name__", "x"]
    assert notebook.namespace["x"] == 1
    assert notebook.call("r = __name__") == "__main__"


def test_nothing_leaks_between_calls(notebook) -> None:
    notebook.run("first = True")
    step = notebook.task("if first: y = 1\nr = 'y' in dir()", outputs=["r"])

    assert (step(first=True), step(first=False)) == (True, False)


def test_functions_of_the_cell_see_its_names(notebook) -> None:
    source = "def f(n): return 1 if n == 0 else n * f(n - 1) + K\nK = 1\nr = [f(i) for i in range(3)]"

    assert notebook.call(source, outputs=["r"]) == [1, 2, 5]


def test_annotations_are_values_unless_the_cell_says_otherwise(notebook) -> None:
    assert notebook.call("def f(a: int): ...\nr = f.__annotations__['a']") is int
    lazy = "from __future__ import annotations\ndef f(a: int): ...\nr = f.__annotations__['a']"
    assert notebook.call(lazy) == "int"


def test_outputs_asked_for_are_taken_as_they_are(notebook) -> None:
    source = "def double(v): return 2 * v\n_private = 1\nrest = 2"
    result = notebook.call(source, outputs=["double", "_private"])

    assert list(result) == ["double", "_private"]
    assert result.double(4) == 8


def test_an_output_asked_for_and_not_bound_is_an_error(notebook) -> None:
    notebook.run("c = False")
    with pytest.raises(UnboundOutputError, match="'y'"):
        notebook.call("if c: y = 1", outputs=["y"])


def test_an_output_the_cell_never_binds_is_refused_at_once(notebook) -> None:
    with pytest.raises(
        CellRefusedError, match="--out names 'modle', but the cell neither binds nor reads it"
    ):
        notebook.task("model = 1", outputs=["modle"])


def test_an_output_may_be_bound_by_hidden_code(notebook) -> None:
    notebook.run("code = 'y = 3'")

    assert notebook.call("exec(code)", inputs=["code"], outputs=["y"]) == 3


def test_an_output_that_may_be_unbound_is_left_out(notebook) -> None:
    notebook.run("c = False")
    step = notebook.task("x = 1\nif c: y = 1")
    only = notebook.task("if c: y = 1")

    assert step(c=False) == CellResult({"x": 1})
    assert step.unpack(step(c=True)) == {"x": 1, "y": 1}
    assert (only.unpack(only(c=False)), only.unpack(only(c=True))) == ({}, {"y": 1})


@pytest.mark.parametrize(
    ("source", "expected"),
    [("y = 1", {"y": 1}), ("a = 1\nb = 2", {"a": 1, "b": 2}), ("1 + 1", {}), ("y = {}", {"y": {}})],
)
def test_unpack_names_what_the_notebook_binds(notebook, source, expected) -> None:
    step = notebook.task(source)

    assert step.unpack(step()) == expected


def test_an_input_changed_in_place_becomes_an_output(notebook) -> None:
    notebook.run("rows = [1]\nimport os")
    compiled = compile_cell("step", "rows.append(2)\nos.environ.update({})", notebook.namespace)

    assert compiled.function.outputs == ("rows",)
    assert [(note.code, "rows" in note.message) for note in compiled.notes] == [("mutation", True)]


def test_optional_inputs_are_passed_when_they_exist(notebook) -> None:
    source = "if c: x = 1\nr = x"
    notebook.run("c = False\nx = 7")
    with_x = compile_cell("step", source, notebook.namespace)
    notebook.run("c = True\ndel x")
    without_x = compile_cell("step", source, notebook.namespace)

    assert (with_x.function.inputs, without_x.function.inputs) == (("c", "x"), ("c",))
    assert without_x.function(c=True).r == 1


def test_it_looks_like_a_function_of_the_notebook(notebook) -> None:
    notebook.run("b = a = 1")
    step = notebook.task("'''Add.'''\nr = b + a")

    assert str(inspect.signature(step)) == "(b, a)"
    assert (step.__name__, step.__qualname__, step.__module__, step.__doc__) == (
        "step",
        "step",
        "__main__",
        "Add.",
    )
    assert step(1, a=2) == 3
    assert not inspect.iscoroutinefunction(step)


def test_a_wrapper_takes_over_its_looks_and_nothing_else(notebook) -> None:
    def wrapper() -> None: ...

    functools.update_wrapper(wrapper, notebook.task("# Doc\n# more\nr = 1"))

    assert wrapper.__doc__ == "Doc\nmore"
    assert set(vars(wrapper)) <= {
        "__name__",
        "__qualname__",
        "__module__",
        "__doc__",
        "__signature__",
        "__wrapped__",
    }


def test_wrong_arguments_name_the_task(notebook) -> None:
    notebook.run("x = 1")
    with pytest.raises(TypeError, match=r"step\(\): missing a required argument: 'x'"):
        notebook.task("y = x")()


def test_missing_names_are_told_at_once(notebook) -> None:
    with pytest.raises(MissingInputsError, match="reads nowhere, which is not defined") as caught:
        notebook.task("y = nowhere")

    assert caught.value.names == ("nowhere",)


def test_refusals_are_told_with_their_lines(notebook) -> None:
    with pytest.raises(CellRefusedError, match=r"line 1: .*\n  line 2: "):
        notebook.task("from m import *\nx = input()")


@pytest.mark.parametrize("header", ["", "%%task step --retries 2"])
def test_the_traceback_shows_the_line_of_the_cell(notebook, header) -> None:
    step = notebook.task("x = 1\n\ny = x / 0  # here", header=header)
    with pytest.raises(ZeroDivisionError) as caught:
        step()
    frame = traceback.extract_tb(caught.value.__traceback__)[-1]

    assert (frame.filename, frame.lineno) == (step.filename, 4 if header else 3)
    assert frame.line == "y = x / 0  # here"
    assert step.filename.startswith("<task step #")


def test_the_traceback_shows_the_line_of_a_last_expression(notebook) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        notebook.call("x = 1\n1 / 0")

    assert traceback.extract_tb(caught.value.__traceback__)[-1].lineno == 2


def test_an_awaiting_cell_is_a_coroutine_function(notebook) -> None:
    step = notebook.task("import asyncio\nx = await asyncio.sleep(0, 3)\nawait asyncio.sleep(0, x)")

    assert inspect.iscoroutinefunction(step)
    assert step.is_async
    assert asyncio.run(step()) == 3
    assert inspect.iscoroutinefunction(cloudpickle.loads(cloudpickle.dumps(step)))


def test_only_the_last_expression_awaits(notebook) -> None:
    notebook.run("import asyncio")

    assert asyncio.run(notebook.task("await asyncio.sleep(0, 5)")()) == 5


def test_modules_are_imported_where_it_runs(notebook) -> None:
    notebook.run("import os.path as p\nimport json\nfrom collections import OrderedDict as O")
    compiled = compile_cell("step", "r = p.join('a', json.dumps(O(b=1)))", notebook.namespace)

    assert compiled.bound.modules == {"p": "posixpath", "json": "json", "O": "collections:OrderedDict"}
    assert (compiled.function.inputs, compiled.function()) == ((), 'a/{"b": 1}')


def test_a_module_missing_there_is_named(notebook) -> None:
    step = CellFunction(CellCode("step", "r = m", "r = m", modules=(("m", "no_such_module"),)))

    with pytest.raises(MissingModuleError, match="'no_such_module'"):
        step()


def test_explicit_inputs_replace_the_ones_found(notebook) -> None:
    notebook.run("import json\na = 1\nb = 2\ndef f(): return a")
    compiled = compile_cell("step", "exec('r = a + b')\ns = f()", notebook.namespace, inputs=["b", "a"])

    assert compiled.function.inputs == ("b", "a")
    assert list(compiled.bound.helpers) == ["f"]


def test_builtins_shadowed_in_the_notebook_are_inputs(notebook) -> None:
    notebook.run("max = 3")

    assert notebook.call("r = max + 1") == 4


@pytest.mark.parametrize(
    "error",
    [
        MissingInputsError("step", ["a", "b"]),
        UnboundOutputError("step", "y"),
        MissingModuleError("step", "m"),
        CellRefusedError("step", []),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_pickle(error) -> None:
    again = pickle.loads(pickle.dumps(error))

    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


class TestCellResult:
    def test_reads_by_item_and_attribute(self) -> None:
        result = CellResult({"model": 3, "keys": 4})

        assert (result["model"], result.model, result["keys"], dict(result)) == (
            3,
            3,
            4,
            {"model": 3, "keys": 4},
        )

    def test_an_unknown_name_lists_the_known_ones(self) -> None:
        with pytest.raises(AttributeError, match="no output 'modle'; its outputs: model"):
            _ = CellResult({"model": 3}).modle

    def test_cannot_be_changed(self) -> None:
        with pytest.raises(AttributeError, match="does not change"):
            CellResult({"a": 1}).a = 2

    @pytest.mark.parametrize("again", [lambda r: pickle.loads(pickle.dumps(r)), copy.copy, copy.deepcopy])
    def test_survives_copies(self, again) -> None:
        result = CellResult({"a": [1], "b": 2})

        assert again(result) == result

    def test_is_brief(self) -> None:
        text = repr(CellResult({"a": 1, "long": "x" * 500}))

        assert text.splitlines()[:2] == ["CellResult(", "  a    = 1"]
        assert max(map(len, text.splitlines())) < 100

    def test_compares_arrays_and_frames(self) -> None:
        pandas = pytest.importorskip("pandas")

        def result(value: int) -> CellResult:
            frame = pandas.DataFrame({"a": [1, value]})
            return CellResult({"frame": frame, "array": frame["a"].to_numpy()})

        assert result(2) == result(2)
        assert result(2) != result(3)
        assert CellResult({"a": 1}) != CellResult({"b": 1})
