"""What all filters have in common."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from penstock._values.documents import Document


class Operator(str, Enum):
    """How the parts of a filter are joined."""

    and_ = "and_"
    or_ = "or_"


class FilterPart(Document):
    """Criteria on one field."""

    __slots__ = ()

    def to_body(self) -> dict[str, Any]:
        """Return the criteria that were given, as JSON."""
        return _given(self.model_dump(mode="json"))


@dataclass(slots=True, kw_only=True)
class FilterGroup(FilterPart):
    """Criteria on several fields."""

    operator: Operator = Operator.and_


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _given(value) if isinstance(value, dict) else value
        for name, value in values.items()
        if value is not None
    }


__all__ = ["FilterGroup", "FilterPart", "Operator"]
