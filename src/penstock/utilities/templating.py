"""Templates with ``{{ placeholders }}`` in nested data. Reference page: api-ref prefect-utilities-templating."""

from __future__ import annotations

import os
import re
from enum import Enum
from typing import Any, NamedTuple, TypeVar

from penstock._values.annotations import NotSet
from penstock._values.awaited import awaitable_too
from penstock._values.collections import visit_collection
from penstock.utilities.collections import get_from_dict

T = TypeVar("T")
_PLACEHOLDER = re.compile(r"{{\s*(\$?[\w.\-\[\]]+)\s*}}")
_MISSING = object()


class PlaceholderType(Enum):
    """What fills a placeholder: a value given, a block, a variable, or the environment."""

    STANDARD = "standard"
    BLOCK_DOCUMENT = "block_document"
    VARIABLE = "variable"
    ENV_VAR = "env_var"


class Placeholder(NamedTuple):
    """One placeholder in a template.

    Attributes:
        full_match: as it is written, braces included.
        name: what is between the braces.
        type: what fills it.
    """

    full_match: str
    name: str
    type: PlaceholderType


def determine_placeholder_type(name: str) -> PlaceholderType:
    """Return what fills a placeholder of this name.

    ``penstock.blocks.…`` and ``penstock.variables.…`` (or ``prefect.…``) are looked up, ``$NAME`` is from the
    environment, anything else is given.
    """
    if name.startswith(("penstock.blocks.", "prefect.blocks.")):
        return PlaceholderType.BLOCK_DOCUMENT
    if name.startswith(("penstock.variables.", "prefect.variables.")):
        return PlaceholderType.VARIABLE
    return PlaceholderType.ENV_VAR if name.startswith("$") else PlaceholderType.STANDARD


def find_placeholders(template: Any) -> set[Placeholder]:
    """Return the placeholders in a text, or in the texts of nested dicts and lists.

    Example:
        >>> {found.name for found in find_placeholders({"image": "{{ image }}:{{ tag }}"})} == {"image", "tag"}
        True
    """
    found: set[Placeholder] = set()

    def note(part: Any) -> Any:
        if isinstance(part, str):
            found.update(
                Placeholder(match[0], match[1], determine_placeholder_type(match[1]))
                for match in _PLACEHOLDER.finditer(part)
            )
        return part

    visit_collection(template, note)
    return found


def apply_values(
    template: Any, values: dict[str, Any], remove_notset: bool = True, warn_on_notset: bool = False
) -> Any:
    """Fill the placeholders of a template.

    A text that is nothing but one placeholder becomes the value, of whatever type; in a longer text the value is
    written out. Keys of dicts are left alone, and so are placeholders for blocks and variables.

    Args:
        template: a text, or nested dicts and lists of them.
        values: by name; ``a.b[0]`` reaches into nested values.
        remove_notset: leave out the keys of dicts, and the elements of lists, whose placeholder has no value; when
            False, they keep the placeholder.
        warn_on_notset: warn of placeholders without a value.

    Returns:
        the template filled in; `NotSet` for a single placeholder without a value.

    Raises:
        ValueError: the template holds something that is neither text, number, dict nor list.

    Example:
        >>> apply_values({"n": "{{ n }}", "text": "n={{ n }}", "gone": "{{ other }}"}, {"n": 3})
        {'n': 3, 'text': 'n=3'}
    """
    if template is None or template is NotSet or isinstance(template, (int, float, bool)):
        return template
    if isinstance(template, str):
        return _filled(template, values, remove_notset, warn_on_notset)
    if isinstance(template, dict):
        pairs = {
            key: apply_values(value, values, remove_notset, warn_on_notset) for key, value in template.items()
        }
        return {
            key: template[key] if value is NotSet else value
            for key, value in pairs.items()
            if value is not NotSet or template[key] is NotSet or not remove_notset
        }
    if isinstance(template, list):
        items = [apply_values(item, values, remove_notset, warn_on_notset) for item in template]
        return [
            before if item is NotSet else item
            for before, item in zip(template, items, strict=True)
            if item is not NotSet or not remove_notset
        ]
    raise ValueError(f"Unexpected template type {type(template).__name__!r}")


@awaitable_too
def resolve_variables(template: Any, client: Any = None) -> Any:
    """Fill the placeholders ``{{ penstock.variables.NAME }}`` with the values of variables; may be awaited.

    A text that is nothing but one placeholder becomes the value, of whatever type. A variable that is not there
    leaves nothing: an empty text in a longer one, None for a whole one.

    Args:
        template: a text, or nested dicts and lists of them.
        client: accepted for compatibility.

    Example:
        >>> resolve_variables({"team": "{{ penstock.variables.team }}"})  # doctest: +SKIP
        {'team': 'data'}
    """
    if isinstance(template, dict):
        return {key: resolve_variables(value) for key, value in template.items()}
    if isinstance(template, list):
        return [resolve_variables(item) for item in template]
    if not isinstance(template, str):
        return template
    from penstock.variables import Variable

    def value_of(match: re.Match[str]) -> Any:
        return Variable.get(match[1].rpartition(".")[2])

    whole = _PLACEHOLDER.fullmatch(template)
    if whole:
        is_ours = determine_placeholder_type(whole[1]) is PlaceholderType.VARIABLE
        return value_of(whole) if is_ours else template

    def fill(match: re.Match[str]) -> str:
        if determine_placeholder_type(match[1]) is not PlaceholderType.VARIABLE:
            return match[0]
        value = value_of(match)
        return "" if value is None else str(value)

    return _PLACEHOLDER.sub(fill, template)


def _filled(template: str, values: dict[str, Any], remove_notset: bool, warn_on_notset: bool) -> Any:
    whole = _PLACEHOLDER.fullmatch(template)
    if whole:
        value = _value(whole[1], values)
        if value is _MISSING and warn_on_notset:
            _warn(whole[1])
        if value is _MISSING:
            return NotSet if determine_placeholder_type(whole[1]) is PlaceholderType.STANDARD else template
        return value

    def fill(match: re.Match[str]) -> str:
        value = _value(match[1], values)
        if value is not _MISSING:
            return str(value)
        if determine_placeholder_type(match[1]) is not PlaceholderType.STANDARD:
            return match[0]
        if warn_on_notset:
            _warn(match[1])
        return "" if remove_notset else match[0]

    return _PLACEHOLDER.sub(fill, template)


def _value(name: str, values: dict[str, Any]) -> Any:
    kind = determine_placeholder_type(name)
    if kind is PlaceholderType.ENV_VAR:
        return os.environ.get(name[1:], "")
    if kind is not PlaceholderType.STANDARD:
        return _MISSING
    if name in values:
        return values[name]
    return get_from_dict(values, name, _MISSING)


def _warn(name: str) -> None:
    import logging

    logging.getLogger("penstock.utilities").warning("No value was given for the placeholder %r.", name)


__all__ = [
    "Placeholder",
    "PlaceholderType",
    "apply_values",
    "determine_placeholder_type",
    "find_placeholders",
    "resolve_variables",
]
