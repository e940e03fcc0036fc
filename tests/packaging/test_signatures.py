"""Functions and methods take what the reference documents, in that order and with those defaults."""

from __future__ import annotations

import ast
import importlib
import inspect
import tomllib
from pathlib import Path

import pytest

LIST = tomllib.loads((Path(__file__).parents[1] / "documented_signatures.toml").read_text())
DIFFERS = LIST.pop("differs")
CASES = [(module, name, text) for module, rows in LIST.items() for name, text in rows.items()]
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def documented(text):
    """Return the parameters of a line, with the source of their defaults or None."""
    arguments = ast.parse(f"def f({text}): ...").body[0].args
    defaults = [None] * (len(arguments.args) - len(arguments.defaults)) + arguments.defaults
    return [
        (one.arg, None if default is None else ast.unparse(default))
        for one, default in zip(arguments.args, defaults, strict=True)
    ]


def found(module, name):
    target = importlib.import_module(f"penstock.{module}")
    for part in name.split("."):
        target = getattr(target, part)
    return inspect.signature(target).parameters


def is_same(default, source):
    try:
        return default == ast.literal_eval("()" if source == "tuple()" else source)
    except ValueError:
        return source.split(".")[-1].rstrip("()") in repr(default)


def differences(module, name, text):
    ours, wanted = found(module, name), documented(text)
    said = []
    for parameter, default in wanted:
        mine = ours.get(parameter)
        if mine is None:
            said.append(f"no {parameter}")
        elif default is not None and mine.default is inspect.Parameter.empty:
            said.append(f"{parameter} is required")
        elif default is not None and not is_same(mine.default, default):
            said.append(f"{parameter}={mine.default!r}")
    order = [name for name, one in ours.items() if one.kind in _POSITIONAL and name in dict(wanted)]
    if order != [name for name, _ in wanted if name in order]:
        said.append(f"order {', '.join(order)}")
    return said


@pytest.mark.parametrize(("module", "name", "text"), CASES, ids=[f"{m}.{n}" for m, n, _ in CASES])
def test_a_signature_is_the_documented_one(module, name, text):
    said = differences(module, name, text)
    key = f"{module}.{name}"
    assert bool(said) == (key in DIFFERS), said


def test_what_differs_is_on_the_list_and_few():
    assert set(DIFFERS) <= {f"{module}.{name}" for module, name, _ in CASES}
    assert len(CASES) > 250
    assert len(DIFFERS) < 12
