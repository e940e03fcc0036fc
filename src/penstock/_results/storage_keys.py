"""What may name a result: a relative path that stays below its storage, on every system that may read it."""

from __future__ import annotations

import re

#: The longest key, in characters; the documented limit of cache keys.
LONGEST = 2000
#: The longest part between two slashes, in bytes: what file systems take.
LONGEST_PART = 255
#: What no name should have; file systems cannot encode single surrogates.
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
#: A drive (`C:`) or the scheme of a URL (`s3://`) at the start would lead elsewhere.
_ELSEWHERE = re.compile(r"[A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]*://")


def key_parts(key: str) -> tuple[str, ...]:
    """Return the parts of a key, which are names below the storage.

    Args:
        key: names with `/` between them.

    Raises:
        ValueError: it is none; says what is wrong with it.

    Example:
        >>> key_parts("parameters/1f")
        ('parameters', '1f')
    """
    wrong = _fault(key)
    if wrong:
        raise ValueError(
            f"Not usable as a result key: {str(key)[:100]!r} {wrong}. Use names of letters, digits, '-', '_' and "
            "'.', with '/' between them."
        )
    return tuple(key.split("/"))


def _fault(key: str) -> str | None:
    if not isinstance(key, str) or not key:
        return "is empty" if key == "" else "is no text"
    if len(key) > LONGEST:
        return f"is longer than {LONGEST} characters"
    if _CONTROL.search(key):
        return "has control characters"
    if "\\" in key:
        return "has a backslash, which separates folders on some systems"
    if _ELSEWHERE.match(key):
        return "names a drive or a URL"
    parts = key.split("/")
    if "" in parts:
        return "starts or ends with a slash, or has two in a row"
    if "." in parts or ".." in parts:
        return "leaves its folder, or stays in it, by a part of dots"
    if any(len(part.encode()) > LONGEST_PART for part in parts):
        return f"has a part of more than {LONGEST_PART} bytes"
    return None
