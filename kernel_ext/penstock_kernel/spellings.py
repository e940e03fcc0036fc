"""The spellings of a task cell: `%%task NAME`, and `# %%task NAME` for tools that read plain Python.

An input transformer makes the first of the second, so both mean the same to the letter. It replaces the first line
in place, which keeps line numbers.
"""

from __future__ import annotations

import re

#: The cell magics that may be written as a comment.
SPELT = ("task", "flow", "sql_task")
_COMMENT = re.compile(rf"#\s*(%%(?:{'|'.join(SPELT)})\b.*)", re.DOTALL)


def from_comment(lines: list[str]) -> list[str]:
    r"""Return the lines of a cell with the comment at its top made into the magic it names.

    Example:
        >>> from_comment(["# %%task load --retries 2\n", "x = 1\n"])
        ['%%task load --retries 2\n', 'x = 1\n']
    """
    found = _COMMENT.fullmatch(lines[0]) if lines else None
    return [found[1], *lines[1:]] if found else lines


def split_directive(text: str) -> tuple[str, str, str] | None:
    r"""Return kind, options and body of a task cell in either spelling; None for any other cell.

    Example:
        >>> split_directive("# %%task load --local\nx = 1")
        ('task', 'load --local', 'x = 1')
    """
    first, _, body = text.lstrip("\n").partition("\n")
    found = re.fullmatch(rf"(?:#\s*)?%%({'|'.join(SPELT)})\b(.*)", first)
    return (found[1], found[2].strip(), body) if found else None
