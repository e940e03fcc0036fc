"""The two spellings of a task cell, and the defaults of its options."""

from __future__ import annotations

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from penstock_kernel._cells import TaskLineError, parse_task_line
from penstock_kernel.options import Penstock
from penstock_kernel.spellings import from_comment, split_directive


@pytest.mark.parametrize(
    "comment",
    ["# %%task load --retries 2", "#%%task load --retries 2", "#  %%task load --retries 2"],
)
def test_a_comment_means_the_magic(comment) -> None:
    manager = TransformerManager()
    magic = manager.transform_cell("%%task load --retries 2\nx = 1\n")
    manager.cleanup_transforms.append(from_comment)

    assert manager.transform_cell(f"{comment}\nx = 1\n") == magic


@pytest.mark.parametrize("text", ["", "# a task\nx", "x = 1\n# %%task load\n", "# %%time\nx", "# %%tasks\nx"])
def test_other_cells_stay_as_they_are(text) -> None:
    lines = text.splitlines(keepends=True)

    assert from_comment(lines) == lines


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%%task load --local\nx = 1\ny", ("task", "load --local", "x = 1\ny")),
        ("# %%flow all\nx", ("flow", "all", "x")),
        ("\n%%task\nx", ("task", "", "x")),
        ("x = 1", None),
        ("%%time\nx", None),
    ],
)
def test_a_directive_is_split_from_its_body(text, expected) -> None:
    assert split_directive(text) == expected


def test_defaults_count_where_the_line_says_nothing() -> None:
    options = Penstock(retries=2, retry_delay="1.5s,2m", tags="a,b", runner="dask", cache=False, timeout=9.0)
    plain = parse_task_line("load", options.defaults())
    told = parse_task_line("load --retries 0 --cache --local --timeout 1 --tags c", options.defaults())

    assert (plain.retries, plain.retry_delay, plain.tags, plain.runner, plain.cache, plain.timeout) == (
        2,
        (1.5, 120.0),
        ("a", "b"),
        "dask",
        False,
        9.0,
    )
    assert (told.retries, told.tags, told.runner, told.cache, told.timeout) == (
        0,
        ("c",),
        "threads",
        True,
        1.0,
    )


def test_local_and_runner_exclude_each_other() -> None:
    with pytest.raises(TaskLineError, match="not allowed with"):
        parse_task_line("load --local --runner dask")
