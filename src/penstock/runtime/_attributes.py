"""What the three modules of `penstock.runtime` have in common: attributes read on each access, and their mocks.

Reference page: concepts/runtime-context. `PENSTOCK__RUNTIME__FLOW_RUN__NAME=x` makes `flow_run.name` x, for tests.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from penstock.exceptions import PenstockException
from penstock.settings import get_current_settings

#: Seconds to wait for the store; longer than it ever takes, short enough for an event loop that has to wait.
_PATIENCE = 5.0
Getters = Mapping[str, tuple[Callable[[], Any], type]]


def attribute(module: str, getters: Getters, name: str) -> Any:
    """Return an attribute of a module of `penstock.runtime`.

    Args:
        module: `flow_run`, `task_run` or `deployment`.
        getters: how to find each attribute, and its type.
        name: the attribute.

    Raises:
        AttributeError: there is none of this name and nobody has mocked one.
        ValueError: a mock is not of the attribute's type.
    """
    if name.startswith("__"):
        raise AttributeError(f"module 'penstock.runtime.{module}' has no attribute {name!r}")
    variable = f"PENSTOCK__RUNTIME__{module.upper()}__{name.upper()}"
    mocked = os.environ.get(variable)
    known = getters.get(name)
    if mocked is not None:
        return cast(mocked, known[1] if known is not None else str, variable)
    if known is None:
        raise AttributeError(f"module 'penstock.runtime.{module}' has no attribute {name!r}")
    return known[0]()


def cast(text: str, kind: type, variable: str) -> Any:
    """Make a value of a basic type of text.

    Raises:
        ValueError: the text does not fit, or the type is not a basic one.
    """
    if kind is str:
        return text
    if kind is bool:
        low = text.strip().lower()
        if low in {"true", "1", "yes", "on", "t", "y"}:
            return True
        if low in {"false", "0", "no", "off", "f", "n", ""}:
            return False
        raise ValueError(f"{variable}={text!r} is neither true nor false.")
    try:
        if kind in {int, float}:
            return kind(text)
        if kind is datetime:
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f"{variable}={text!r} is not of type {kind.__name__}: {error}") from error
    raise ValueError(
        f"{variable} cannot be used: a {kind.__name__} is not mocked by a variable. Replace the attribute in your "
        "test instead, for instance with pytest's monkeypatch.setattr."
    )


def record(kind: str, run_id: str | None) -> dict[str, Any]:
    """Ask the store for a run this process has no context of; empty when nobody answers.

    The store is another process, so that waiting here keeps no event loop from something it waits for.

    Args:
        kind: `flow_runs`, `task_runs` or `deployments`.
        run_id: its id; None is not looked for.
    """
    if run_id is None:
        return {}
    from penstock._link.session import current_session

    try:
        uuid.UUID(run_id)
        found = current_session().store.request(
            "GET", f"/api/{kind}/{run_id}", timeout=_PATIENCE, start=False
        )
    except (PenstockException, OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def api_url(kind: str, run_id: str | None) -> str | None:
    """Return a run's address in the REST interface, where the setting `api.url` says where that is."""
    base = get_current_settings().api_url
    return f"{base.rstrip('/')}/{kind}/{run_id}" if base and run_id else None


def ui_url(kind: str, run_id: str | None) -> str | None:
    """Return a run's page for people: below the setting `ui_url`, else beside `api.url`."""
    settings = get_current_settings()
    base = settings.ui_url or (settings.api_url or "").rstrip("/").removesuffix("/api")
    return f"{base.rstrip('/')}/runs/{kind}/{run_id}" if base and run_id else None
