"""Where another process finds a flow. Reference: concepts/deployments, api-ref prefect-types-entrypoint."""

from __future__ import annotations

from inspect import ismethod, unwrap
from pathlib import Path
from typing import Any

from penstock._engine.definitions import home_module, plain_function
from penstock.types.entrypoint import EntrypointType


def entrypoint_of(flow: Any, kind: EntrypointType, folder: Path) -> str:
    """Return what another process loads a flow by.

    Args:
        flow: which one; a function of a file, or a class or static method of one.
        kind: by file or by module.
        folder: where the other process works; files below it are named from there.

    Raises:
        ValueError: no other process could load it: it is of a notebook or a REPL, inside a function, or bound to an
            object.
    """
    function = unwrap(plain_function(flow.fn))
    if ismethod(flow.fn) and not isinstance(flow.fn.__self__, type):
        raise ValueError(
            f"Flow {flow.name!r} cannot be deployed: it is bound to an object, which another process does not have. "
            "Deploy a function, a class method or a static method."
        )
    code = getattr(function, "__code__", None)
    if "<locals>" in function.__qualname__ or "<lambda>" in function.__qualname__:
        raise ValueError(
            f"Flow {flow.name!r} cannot be deployed: it is defined inside a function, where no other process finds "
            "it. Define it at the top level of a file."
        )
    file = Path(code.co_filename) if code is not None else None
    if file is None or not file.is_file():
        raise ValueError(
            f"Flow {flow.name!r} cannot be deployed: it was defined interactively, in a notebook or a REPL, and "
            "another process could not load it. Write its cell to a file (%%writefile flows.py), import it from there "
            "and deploy that."
        )
    if kind is EntrypointType.MODULE_PATH:
        return f"{home_module(flow.fn)}.{function.__qualname__}"
    place = file.resolve()
    shown = place.relative_to(folder.resolve()) if place.is_relative_to(folder.resolve()) else place
    return f"{shown}:{function.__qualname__}"
