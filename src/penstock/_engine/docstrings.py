"""Descriptions of parameters in a docstring written the Google way."""

from __future__ import annotations

import inspect
import re

_SECTION = re.compile(
    r"(args|arguments|parameters|params|keyword args|keyword arguments):\s*$", re.IGNORECASE
)
_ENTRY = re.compile(r"(?P<names>\*{0,2}\w+(?:,\s*\*{0,2}\w+)*)\s*(?:\([^)]*\))?\s*:\s*(?P<text>.*)$")


def parameter_docstrings(docstring: str | None) -> dict[str, str]:
    r"""Return what a docstring says about each parameter. Reference: api-ref prefect-utilities-callables.

    Args:
        docstring: text with an ``Args:`` section; ``name:``, ``name (type):`` and ``first, second:`` begin an
            entry, deeper indented lines continue it.

    Example:
        >>> parameter_docstrings("Add.\n\nArgs:\n    x: one\n    y (int): two")
        {'x': 'one', 'y': 'two'}
    """
    found: dict[str, list[str]] = {}
    current: list[str] = []
    depth = _Depth()
    for line in inspect.cleandoc(docstring or "").splitlines():
        indent = len(line) - len(line.lstrip())
        if not line.strip():
            continue
        if not depth.holds(indent):
            depth = _Depth(indent) if _SECTION.match(line.strip()) else _Depth()
            continue
        entry = _ENTRY.match(line.strip()) if depth.begins(indent) else None
        if entry:
            current = [entry["text"].strip()] if entry["text"].strip() else []
            found |= {name.strip().lstrip("*"): current for name in entry["names"].split(",")}
        elif indent > depth.entries:
            current.append(line.strip())
    return {name: "\n".join(lines) for name, lines in found.items()}


class _Depth:
    """How far in the section and its entries stand; outside a section, nothing is held.

    Args:
        section: columns before ``Args:``.
    """

    def __init__(self, section: int | None = None) -> None:
        self.section = section
        self.entries = -1

    def holds(self, indent: int) -> bool:
        """True for a line inside the section."""
        return self.section is not None and indent > self.section

    def begins(self, indent: int) -> bool:
        """True for a line that stands where entries begin."""
        if self.entries < 0:
            self.entries = indent
        return indent == self.entries
