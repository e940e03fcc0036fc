"""Names made up, and secrets made unreadable. Reference page: api-ref prefect-utilities-names."""

from __future__ import annotations

from typing import Any

from penstock._ids import generate_slug as _slug


def generate_slug(n_words: int) -> str:
    """Return a random name of `n_words` words joined by dashes.

    Example:
        >>> len(generate_slug(2).split("-"))
        2
    """
    return _slug(n_words)


def obfuscate(s: Any, show_tail: bool = False) -> str:
    """Return eight characters in place of the text of any value; see `obfuscate_string`."""
    return obfuscate_string(str(s), show_tail=show_tail)


def obfuscate_string(s: str, show_tail: bool = False) -> str:
    """Return eight characters in place of a text.

    Args:
        s: the text.
        show_tail: let up to four of its last characters be seen, when it has more than ten.

    Example:
        >>> obfuscate_string("abcdefghijk", show_tail=True)
        '*******k'
    """
    seen = s[10:][-4:] if show_tail else ""
    return seen.rjust(8, "*")


__all__ = ["generate_slug", "obfuscate", "obfuscate_string"]
