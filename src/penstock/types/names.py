"""What names may look like. Reference page: api-ref prefect-types-names."""

from __future__ import annotations

import re

_DASHES = re.compile(r"[a-z0-9-]*")
_UNDERSCORES = re.compile(r"[a-z0-9_]*")
_BOTH = re.compile(r"[a-z0-9_-]*")
_URI = re.compile(r"[a-z0-9]+://[^\s].*", re.DOTALL)
#: Characters that would break an asset key where it is used as a label, a path or a query.
_NOT_IN_KEYS = "\n\r\t\0 #?&%\"'<>[]{}|\\^`"
_MAX_KEY = 512


def _check(value: str, allowed: re.Pattern[str], field_name: str, what: str) -> None:
    if not allowed.fullmatch(value):
        raise ValueError(
            f"{field_name} must only contain lowercase letters, numbers, and {what}; got {value!r}."
        )


def raise_on_name_alphanumeric_dashes_only(value: str | None, field_name: str = "value") -> str | None:
    """Return `value`, None included.

    Raises:
        ValueError: it has other characters than lowercase letters, digits and dashes.
    """
    if value is not None:
        _check(value, _DASHES, field_name, "dashes")
    return value


def raise_on_name_alphanumeric_underscores_only(value: str | None, field_name: str = "value") -> str | None:
    """Return `value`, None included.

    Raises:
        ValueError: it has other characters than lowercase letters, digits and underscores.
    """
    if value is not None:
        _check(value, _UNDERSCORES, field_name, "underscores")
    return value


def raise_on_name_alphanumeric_dashes_underscores_only(value: str, field_name: str = "value") -> str:
    """Return `value`.

    Raises:
        ValueError: it has other characters than lowercase letters, digits, dashes and underscores.
    """
    _check(value, _BOTH, field_name, "dashes or underscores")
    return value


def non_emptyish(value: str) -> str:
    """Return `value`.

    Raises:
        ValueError: there is nothing in it but blanks and quotation marks.
    """
    if not value.strip().strip("\"'").strip():
        raise ValueError("name cannot be an empty string")
    return value


def validate_uri(value: str) -> str:
    """Return a URI with a lowercase protocol, such as ``s3://bucket/key``.

    Raises:
        ValueError: it is not one.
    """
    if not _URI.fullmatch(value):
        raise ValueError(f"Key must be a valid URI, e.g. storage://bucket/folder/asset.csv; got {value!r}.")
    return value


def validate_valid_asset_key(value: str) -> str:
    """Return an asset's key: a URI of at most 512 characters without blanks, quotes, brackets and ``# ? & %``.

    Raises:
        ValueError: it is not one.
    """
    for char in _NOT_IN_KEYS:
        if char in value:
            raise ValueError(f"Asset key cannot contain {char!r}")
    if len(value) > _MAX_KEY:
        raise ValueError(f"Asset key cannot exceed {_MAX_KEY} characters")
    return validate_uri(value)


__all__ = [
    "non_emptyish",
    "raise_on_name_alphanumeric_dashes_only",
    "raise_on_name_alphanumeric_dashes_underscores_only",
    "raise_on_name_alphanumeric_underscores_only",
    "validate_uri",
    "validate_valid_asset_key",
]
