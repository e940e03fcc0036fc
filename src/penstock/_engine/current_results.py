"""What the code that runs now stores its results with. Reference page: api-ref prefect-results."""

from __future__ import annotations

from penstock._engine.contexts import FlowRunContext, get_run_context
from penstock._results.defaults import get_default_persist_setting
from penstock._results.store import ResultStore
from penstock.exceptions import MissingContextError


def should_persist_result() -> bool:
    """Say whether the run around stores its result; outside of one, what the setting says."""
    try:
        return get_run_context().persist_result
    except MissingContextError:
        return get_default_persist_setting()


def get_result_store() -> ResultStore:
    """Return the result store of the run around; outside of one, one of what the settings say.

    Example:
        >>> get_result_store().serializer.type
        'pickle'
    """
    try:
        found = get_run_context().result_store
    except MissingContextError:
        found = None
    if found is None and (flow := FlowRunContext.get()) is not None:
        found = flow.result_store
    return found if found is not None else ResultStore()
