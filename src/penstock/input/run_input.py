"""Models of run input. Reference page: api-ref/python/prefect-input-run_input."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, create_model

from penstock._engine.run_input import keyset_from_base_key as keyset_from_base_key
from penstock._engine.run_input import keyset_from_paused_state as keyset_from_paused_state


class RunInput(BaseModel):
    """Base of models a flow run waits for.

    Example:
        >>> class Choice(RunInput):
        ...     carrier: str
        >>> Choice.with_initial_data(description="Which one?", carrier="UA")().carrier
        'UA'
    """

    model_config = ConfigDict(extra="forbid")

    _description: ClassVar[str | None] = None

    @classmethod
    def with_initial_data(cls, description: str | None = None, **kwargs: Any) -> type[Self]:
        """Return a subclass whose fields have these defaults, introduced by a Markdown description.

        Args:
            description: shown above the form.
            kwargs: defaults by field.
        """
        fields: dict[str, Any] = {}
        for name, value in kwargs.items():
            if name not in cls.model_fields:
                raise TypeError(
                    f"{cls.__name__} has no field {name!r}; it has {', '.join(cls.model_fields)}."
                )
            info = cls.model_fields[name]
            from copy import copy

            changed = copy(info)
            changed.default = value
            changed.default_factory = None
            fields[name] = (info.annotation, changed)
        made = create_model(cls.__name__, __base__=cls, **fields)
        made._description = description
        return made


__all__ = ["RunInput", "keyset_from_base_key", "keyset_from_paused_state"]
