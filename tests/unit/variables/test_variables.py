from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from penstock.variables import Variable


@pytest.fixture
def name():
    return f"v_{uuid4().hex}"


def test_a_variable_is_set_read_and_unset(name):
    made = Variable.set(name, {"a": [1, None]}, tags=["t"])
    assert (made.name, made.value, made.tags) == (name, {"a": [1, None]}, ["t"])
    assert Variable.get(name) == {"a": [1, None]}
    assert (Variable.unset(name), Variable.unset(name), Variable.get(name)) == (True, False, None)


def test_a_stored_null_is_not_the_default(name):
    """SDK section 40 (c) 1."""
    Variable.set(name, None)
    assert Variable.get(name, default="fallback") is None
    assert Variable.get(f"{name}_other", default="fallback") == "fallback"


def test_the_length_is_that_of_the_json_text(name):
    """SDK section 40 (c) 2."""
    Variable.set(name, "x" * 4998)
    with pytest.raises(ValueError, match="5000 characters as JSON"):
        Variable.set(name, "x" * 4999, overwrite=True)


@pytest.mark.parametrize("bad", ["Upper", "a b", "x" * 256])
def test_names_are_lower_case_and_may_hold_dashes(name, bad):
    """SDK section 40 (c) 3: the later release's rule."""
    Variable.set(name.replace("_", "-"), 1)
    with pytest.raises(ValueError, match="cannot be set: name"):
        Variable.set(bad, 1)


def test_overwriting_is_said(name):
    Variable.set(name, 1, overwrite=True)
    with pytest.raises(ValueError, match="overwrite=True"):
        Variable.set(name, 2)
    kept = Variable.set(name, 2, overwrite=True)
    assert (kept.value, Variable.set(name, 3, tags=["n"], overwrite=True).tags) == (2, ["n"])


def test_each_method_can_be_awaited(name):
    async def both():
        made = await Variable.set(name, 1)
        again = await Variable.aset(name, 2, overwrite=True)
        assert made.id == again.id
        assert (await Variable.get(name), await Variable.aget(name), Variable.get(name)) == (2, 2, 2)
        return await Variable.unset(name), await Variable.aunset(name)

    assert asyncio.run(both()) == (True, False)
