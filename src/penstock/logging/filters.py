"""Filters. Reference page: api-ref/python/prefect-logging-filters."""

from __future__ import annotations

import logging
from typing import Any

from penstock.settings import get_current_settings

MASK = "********"


def redact_substr(obj: Any, substr: str) -> Any:
    """Return an object with a text masked in it, also inside lists, tuples, sets and dicts.

    Args:
        obj: text, or a collection with text in it; anything else is returned as it is.
        substr: the text to mask.

    Example:
        >>> redact_substr({"url": "http://k3y@host"}, "k3y")
        {'url': 'http://********@host'}
    """
    if not substr:
        return obj
    if isinstance(obj, str):
        return obj.replace(substr, MASK)
    if isinstance(obj, dict):
        return {redact_substr(key, substr): redact_substr(value, substr) for key, value in obj.items()}
    if type(obj) in {list, tuple, set, frozenset}:
        return type(obj)(redact_substr(item, substr) for item in obj)
    return obj


class ObfuscateApiKeyFilter(logging.Filter):
    """Masks the setting `api.key` in messages and their arguments; lets every record through."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the key in a record."""
        key = get_current_settings().api_key
        if key is not None:
            secret = key.get_secret_value()
            record.msg = redact_substr(record.msg, secret)
            record.args = redact_substr(record.args, secret)
        return True


__all__ = ["ObfuscateApiKeyFilter", "redact_substr"]
