"""How the value of a setting is read and written: one kind for each sort of value.

A kind reads text (the environment, `.env`, a profile) as well as values that have a type already (TOML, Python).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

_TRUE = {"1", "true", "yes", "on", "t", "y"}
_FALSE = {"0", "false", "no", "off", "f", "n", ""}


class Secret:
    """A value that does not show itself; `get_secret_value` gives it away.

    Example:
        >>> print(Secret("k3y"))
        **********
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def get_secret_value(self) -> str:
        """Return the value itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('**********')"

    def __str__(self) -> str:
        return "**********"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(("penstock secret", self._value))


class Kind(NamedTuple):
    """One sort of value."""

    #: For the settings page.
    name: str
    #: Makes a value of text or of a typed value; raises ValueError with what was expected.
    read: Callable[[Any], Any]


def as_text(value: Any) -> str:
    """Write a value as an environment variable holds it; `Kind.read` makes the same value of it again."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Secret):
        return value.get_secret_value()
    if isinstance(value, timedelta):
        return f"PT{value.total_seconds():g}S"
    if isinstance(value, (list, tuple, set, frozenset)):
        return ",".join(as_text(item) for item in value)
    if isinstance(value, dict):
        import json  # few settings are written so

        return json.dumps(value)
    return str(value)


def _bool(given: Any) -> bool:
    if isinstance(given, bool):
        return given
    low = str(given).strip().lower()
    if low in _TRUE:
        return True
    if low in _FALSE:
        return False
    raise ValueError("expected true or false")


def _int(given: Any) -> int:
    if isinstance(given, bool):
        raise ValueError("expected a whole number")  # noqa: TRY004 - all of these are ValueErrors
    if isinstance(given, float) and not given.is_integer():
        raise ValueError("expected a whole number")
    try:
        return int(given)
    except (TypeError, ValueError):
        raise ValueError("expected a whole number") from None


def _float(given: Any) -> float:
    if isinstance(given, bool):
        raise ValueError("expected a number")  # noqa: TRY004
    try:
        return float(given)
    except (TypeError, ValueError):
        raise ValueError("expected a number") from None


def _text(given: Any) -> str:
    return given if isinstance(given, str) else as_text(given)


def _items(given: Any) -> list[Any]:
    """Take comma text, JSON text or a list apart."""
    if isinstance(given, (list, tuple, set, frozenset)):
        return list(given)
    if not isinstance(given, str):
        return [given]
    text = given.strip()
    if text.startswith("["):
        import json

        return list(json.loads(text))
    return [part.strip() for part in text.split(",") if part.strip()]


def _delays(given: Any) -> float | list[float]:
    numbers = [_float(part) for part in _items(given)]
    if not numbers:
        raise ValueError("expected a number of seconds, or several with commas between them")
    if any(number < 0 for number in numbers):
        raise ValueError("seconds cannot be negative")
    return numbers if len(numbers) > 1 or isinstance(given, (list, tuple)) else numbers[0]


def _path(given: Any) -> Path:
    path = given if isinstance(given, Path) else Path(str(given))
    return path if path.is_absolute() else path.expanduser().absolute()


def _secret(given: Any) -> Secret:
    return given if isinstance(given, Secret) else Secret(_text(given))


def _mapping(given: Any) -> dict[str, str]:
    import json

    found = json.loads(given) if isinstance(given, str) else given
    if not isinstance(found, dict):
        raise ValueError('expected a table, or JSON such as {"name": "value"}')  # noqa: TRY004
    return {str(key): str(value) for key, value in found.items()}


def _duration(given: Any) -> timedelta:
    if isinstance(given, timedelta):
        return given
    if isinstance(given, str) and given.strip().upper().startswith("P"):
        return _iso_duration(given.strip().upper())
    return timedelta(seconds=_float(given))


def _iso_duration(text: str) -> timedelta:
    import re

    number = r"(\d+(?:\.\d+)?)"
    found = re.fullmatch(f"P(?:{number}D)?(?:T(?:{number}H)?(?:{number}M)?(?:{number}S)?)?", text)
    if found is None or not any(found.groups()):
        raise ValueError("expected seconds, or a duration such as PT15S or P7D")
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def integer(minimum: int | None = None, maximum: int | None = None) -> Kind:
    """Whole numbers between bounds, which belong to them."""
    return Kind("integer", _bounded(_int, minimum, maximum))


def number(minimum: float | None = None, maximum: float | None = None) -> Kind:
    """Numbers between bounds, which belong to them."""
    return Kind("number", _bounded(_float, minimum, maximum))


def _bounded(
    read: Callable[[Any], Any], minimum: float | None, maximum: float | None
) -> Callable[[Any], Any]:
    if minimum is None and maximum is None:
        return read

    def bounded(given: Any) -> Any:
        value = read(given)
        if minimum is not None and value < minimum:
            raise ValueError(f"must not be less than {minimum}")
        if maximum is not None and value > maximum:
            raise ValueError(f"must not be greater than {maximum}")
        return value

    return bounded


def choice(*allowed: str) -> Kind:
    """One of some words, in any case."""
    by_folded = {word.lower(): word for word in allowed}

    def read(given: Any) -> str:
        found = by_folded.get(str(given).strip().lower())
        if found is None:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return found

    return Kind(f"one of {', '.join(allowed)}", read)


BOOL = Kind("boolean", _bool)
INT = Kind("integer", _int)
COUNT = integer(minimum=0)
FLOAT = Kind("number", _float)
SECONDS = number(minimum=0)
TEXT = Kind("text", _text)
LIST = Kind("list of text", lambda given: [_text(item) for item in _items(given)])
CODES = Kind("list of integers", lambda given: [_int(item) for item in _items(given)])
DELAYS = Kind("number or list of numbers", _delays)
PATH = Kind("path", _path)
SECRET = Kind("secret text", _secret)
MAPPING = Kind("table of text", _mapping)
DURATION = Kind("duration", _duration)
LEVEL = choice("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
