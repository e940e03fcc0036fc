"""The documented face of our records: fields out as a dict or JSON, and in again.

Records on the hot path are slotted classes; this gives them the `model_*` methods that the reference's objects have
from pydantic, without loading it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, ClassVar, Self
from uuid import UUID

#: How fields are made of what JSON has for them, by name.
Readers = Mapping[str, Callable[[Any], Any]]


class Document:
    """Base of records with named fields."""

    __slots__ = ()

    #: Fields of a class that is no dataclass, or that follow from others and are only shown.
    _shown: ClassVar[tuple[str, ...]] = ()
    _readers: ClassVar[Readers] = {}

    @classmethod
    def _stored(cls) -> tuple[str, ...]:
        """Return the names the constructor takes."""
        return tuple(field.name for field in fields(cls)) if is_dataclass(cls) else cls._shown

    def model_dump(
        self,
        *,
        mode: str = "python",
        include: Iterable[str] | None = None,
        exclude: Iterable[str] | None = None,
        exclude_none: bool = False,
    ) -> dict[str, Any]:
        """Return the fields by name, documents within as dicts.

        Args:
            mode: ``"json"`` for values JSON has (ids and times as text), ``"python"`` for the values themselves.
            include: only these fields.
            exclude: all but these fields.
            exclude_none: leave out what is None.
        """
        names = dict.fromkeys((*self._stored(), *self._shown))
        wanted = names if include is None else [name for name in names if name in set(include)]
        left_out = set(exclude or ())
        plain = _json_value if mode == "json" else _python_value
        values = {name: plain(getattr(self, name)) for name in wanted if name not in left_out}
        return {name: value for name, value in values.items() if not (exclude_none and value is None)}

    def model_dump_json(self, *, indent: int | None = None, **options: Any) -> str:
        """Return the fields as JSON text.

        Args:
            indent: spaces a level; all on one line by default.
            options: those of `model_dump`.
        """
        import json

        separators = (",", ":") if indent is None else None
        dumped = self.model_dump(mode="json", **options)
        return json.dumps(dumped, indent=indent, separators=separators, ensure_ascii=False)

    @classmethod
    def model_validate(cls, obj: Any) -> Self:
        """Make a record of a dict (or of another record); keys it does not know are ignored.

        Raises:
            ValueError: a value does not fit, or a required one is missing.
        """
        if isinstance(obj, cls):
            return obj
        if not isinstance(obj, Mapping):
            raise ValueError(f"A {cls.__name__} is made of a dict, not of {type(obj).__name__} {obj!r:.100}.")  # noqa: TRY004  # like pydantic's
        known = {name: cls._read(name, obj[name]) for name in cls._stored() if name in obj}
        try:
            return cls(**known)
        except TypeError as error:
            raise ValueError(f"This is no {cls.__name__}: {error}") from error

    @classmethod
    def model_validate_json(cls, text: str | bytes) -> Self:
        """Make a record of JSON text."""
        import json

        return cls.model_validate(json.loads(text))

    @classmethod
    def model_validate_list(cls, obj: Iterable[Any]) -> list[Self]:
        """Make a record of each element."""
        return [cls.model_validate(one) for one in obj]

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with some fields replaced.

        Args:
            update: new values by name.
            deep: copy the values too.
        """
        from copy import copy, deepcopy

        twin = deepcopy(self) if deep else copy(self)
        for name, value in (update or {}).items():
            object.__setattr__(twin, name, value)  # some records are frozen for everybody else
        return twin

    @classmethod
    def _read(cls, name: str, value: Any) -> Any:
        reader = cls._readers.get(name)
        if reader is None or value is None:
            return value
        try:
            return reader(value)
        except (TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{cls.__name__}.{name} cannot be {value!r:.100}: {error}") from error


def read_id(value: Any) -> UUID:
    """Return an id."""
    return value if isinstance(value, UUID) else UUID(str(value))


def read_time(value: Any) -> datetime:
    """Return a moment."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def read_span(value: Any) -> timedelta:
    """Return a length of time; JSON has seconds."""
    return value if isinstance(value, timedelta) else timedelta(seconds=float(value))


def _python_value(value: Any) -> Any:
    if isinstance(value, Document):
        return value.model_dump()
    return value


def _json_value(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float)):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, Document):
        return value.model_dump(mode="json")
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {str(key): _json_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_value(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_json_value(item) for item in value), key=repr)
    return repr(value)
