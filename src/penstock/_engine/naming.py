"""Names of runs: templates over parameters, or functions. Reference: how-to-guides/workflows/custom-metadata."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penstock._engine.signatures import signature_of

RunName = str | Callable[..., str] | None


def render(name: RunName, parameters: dict[str, Any], *, what: str) -> str | None:
    """Return the name of a run, None when no template is given.

    Args:
        name: a format string such as ``"{date:%A}-{region}"``, or a function of no arguments or of the
            parameters.
        parameters: resolved values by name.
        what: the flow or task, for the error.

    Raises:
        TypeError: a function returned something else than text, or the template does not fit.
    """
    if name is None:
        return None
    if isinstance(name, str):
        if "{" not in name:
            return name
        try:
            return name.format(**parameters)
        except (KeyError, IndexError, AttributeError, ValueError) as error:
            raise TypeError(
                f"The run name template {name!r} of {what} cannot be filled in: {error!r}"
            ) from error
    made = name(parameters=parameters) if "parameters" in signature_of(name).parameters else name()
    if not isinstance(made, str):
        raise TypeError(
            f"Callable {name!r} for the run name of {what} returned {type(made).__name__}, expected str."
        )
    return made
