"""The options behind `%%task`."""

from __future__ import annotations

import dataclasses

import pytest

from penstock_kernel._cells import TaskLine, TaskLineError, parse_task_line, usage


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", TaskLine()),
        ("load", TaskLine(name="load")),
        ("load --retries 3 --retry-delay 10", TaskLine(name="load", retries=3, retry_delay=(10.0,))),
        (
            "--retries=2 --retry-delay 1.5s,2m,1h f",
            TaskLine(name="f", retries=2, retry_delay=(1.5, 120.0, 3600.0)),
        ),
        ("f --timeout 90", TaskLine(name="f", timeout=90.0)),
        ("f --cache", TaskLine(name="f", cache=True)),
        ("f --no-cache", TaskLine(name="f", cache=False)),
        ("f --refresh", TaskLine(name="f", refresh=True)),
        ("f --tags a,b,a", TaskLine(name="f", tags=("a", "b"))),
        ("f --in x,df --out model", TaskLine(name="f", inputs=("x", "df"), outputs=("model",))),
        ("f -i x -o ''", TaskLine(name="f", inputs=("x",), outputs=())),
        ("f --runner dask", TaskLine(name="f", runner="dask")),
        ("f --wait", TaskLine(name="f", wait=True)),
        ("f --background", TaskLine(name="f", wait=False)),
        ("f --define --name 'Load the data'", TaskLine(name="f", define=True, label="Load the data")),
        ("f  # a comment", TaskLine(name="f")),
        ("--help", TaskLine(help=True)),
    ],
)
def test_options(line, expected) -> None:
    assert parse_task_line(line) == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("f --retires 3", "unknown option --retires, did you mean --retries?"),
        ("f --bogus", "unknown option --bogus; see"),
        ("f --ret 3", "unknown option --ret"),
        ("f --retries", "expected one argument"),
        ("f --retries many", "'many' is not a number of times"),
        ("f --retries -1", "--retries"),
        ("f --retry-delay soon --retries 1", "'soon' is not a duration"),
        ("f --retry-delay 3", "no effect without --retries"),
        ("f --timeout 3d", "'3d' is not a duration"),
        ("f --cache --no-cache", "not allowed with"),
        ("f --no-cache --refresh", "exclude each other"),
        ("f --wait --background", "not allowed with"),
        ("f --in 'x y'", "'x y' is not a Python name"),
        ("my-task", "'my-task' is not a Python name; use --name"),
        ("class", "'class' is not a Python name"),
        ("f g", "what is 'g'"),
        ("f x = 1", "what is 'x'"),
        ("f --name 'open", "no closing quotation"),
    ],
)
def test_mistakes_say_what_is_wrong(line, message) -> None:
    with pytest.raises(TaskLineError) as caught:
        parse_task_line(line)

    assert message in str(caught.value)
    assert str(caught.value).startswith("%%task: ")


def test_usage_explains_every_option() -> None:
    text = usage()
    options = {"label": "--name", "inputs": "--in", "outputs": "--out", "name": "NAME"}
    names = [options.get(f.name, "--" + f.name.replace("_", "-")) for f in dataclasses.fields(TaskLine)]

    assert [name for name in [*names, "--no-cache", "--background"] if name not in text] == []
    assert text.startswith("usage: %%task [NAME] [options]")
