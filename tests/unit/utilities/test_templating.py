"""Placeholders in templates: found, typed and filled. Section 59 of the inventory."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from penstock.utilities.annotations import NotSet
from penstock.utilities.templating import (
    Placeholder,
    PlaceholderType,
    apply_values,
    determine_placeholder_type,
    find_placeholders,
    resolve_variables,
)
from penstock.variables import Variable


@pytest.mark.parametrize(
    ("template", "values", "filled"),
    [
        ("plain", {}, "plain"),
        (3, {}, 3),
        (None, {}, None),
        ("{{ a }}", {"a": [1]}, [1]),
        ("{{a}}", {"a": None}, None),
        ("{{ a }}", {"a": False}, False),
        ("x{{ a }}", {"a": [1]}, "x[1]"),
        ("{{ a }} {{ b }}", {"a": 1, "b": "two"}, "1 two"),
        ("{{ a.b }}", {"a": {"b": 3}}, 3),
        ("x {{ a[0] }}", {"a": [5]}, "x 5"),
        ("{{ a.b }}", {"a.b": 4}, 4),
        ("x{{ z }}", {}, "x"),
        ("{{ a }}", {"a": "{{ b }}", "b": 1}, "{{ b }}"),
        ("{{ z }}", {}, NotSet),
        ({"k": "{{ z }}", "l": ["{{ z }}", "{{ a }}"]}, {"a": None}, {"l": [None]}),
        ({"{{a}}": 1}, {"a": "k"}, {"{{a}}": 1}),
        ({"in": {"side": "{{ a }}"}}, {"a": 1}, {"in": {"side": 1}}),
        ("{{ penstock.variables.q }}", {}, "{{ penstock.variables.q }}"),
        ("at {{ prefect.blocks.a.b }}", {}, "at {{ prefect.blocks.a.b }}"),
    ],
)
def test_templates_are_filled(template, values, filled) -> None:
    assert apply_values(template, values) == filled


def test_a_single_placeholder_keeps_the_type_and_a_mixed_text_is_text() -> None:
    """Section 59 (c) 2."""
    made = object()

    assert apply_values("{{ a }}", {"a": made}) is made
    assert apply_values(" {{ a }}", {"a": 1}) == " 1"


def test_a_missing_placeholder_removes_the_key() -> None:
    """Section 59 (c) 3."""
    assert apply_values({"gone": "{{ z }}", "kept": 1}, {}) == {"kept": 1}
    assert apply_values({"gone": "{{ z }}"}, {}, remove_notset=False) == {"gone": "{{ z }}"}
    assert apply_values("x {{ z }}", {}, remove_notset=False) == "x {{ z }}"


def test_the_environment_fills_dollar_names(monkeypatch) -> None:
    monkeypatch.setenv("PLACE", "Bath")
    monkeypatch.delenv("NOWHERE", raising=False)

    assert apply_values(["{{ $PLACE }}", "in {{ $PLACE }}", "{{ $NOWHERE }}"], {}) == ["Bath", "in Bath", ""]


def test_missing_values_can_be_warned_of(caplog) -> None:
    with caplog.at_level(logging.WARNING, logger="penstock.utilities"):
        apply_values({"a": "{{ z }}", "b": "x{{ y }}"}, {}, warn_on_notset=True)

    assert [record.args for record in caplog.records] == [("z",), ("y",)]


def test_other_things_than_data_are_refused() -> None:
    with pytest.raises(ValueError, match="Unexpected template type 'tuple'"):
        apply_values(("{{ a }}",), {})


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a", PlaceholderType.STANDARD),
        ("$A", PlaceholderType.ENV_VAR),
        ("prefect.variables.a", PlaceholderType.VARIABLE),
        ("penstock.variables.a", PlaceholderType.VARIABLE),
        ("penstock.blocks.slug.name.value[0]", PlaceholderType.BLOCK_DOCUMENT),
    ],
)
def test_names_say_what_fills_them(name, kind) -> None:
    assert determine_placeholder_type(name) is kind


def test_placeholders_are_found_wherever_there_is_text() -> None:
    template: Any = {"a": ["x {{ one }} {{two}}", {"b": "{{ $THREE }}"}], "n": 3}

    assert find_placeholders(template) == {
        Placeholder("{{ one }}", "one", PlaceholderType.STANDARD),
        Placeholder("{{two}}", "two", PlaceholderType.STANDARD),
        Placeholder("{{ $THREE }}", "$THREE", PlaceholderType.ENV_VAR),
    }
    assert find_placeholders("none") == find_placeholders(3) == set()


def test_variables_are_filled_in_and_those_that_are_missing_leave_nothing() -> None:
    Variable.set("templated", {"a": 1}, overwrite=True)
    template = {
        "whole": "{{ penstock.variables.templated }}",
        "mixed": ["is {{ prefect.variables.templated }}", "{{ penstock.variables.no_such }}!"],
        "missing": "{{ penstock.variables.no_such }}",
        "other": "{{ name }}",
        "number": 3,
    }
    assert resolve_variables(template) == {
        "whole": {"a": 1},
        "mixed": ["is {'a': 1}", "!"],
        "missing": None,
        "other": "{{ name }}",
        "number": 3,
    }
