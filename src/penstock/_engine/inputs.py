"""What flows into a task run: upstream futures resolved to values, and the edges they leave in the graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from penstock._engine.contexts import FlowRunContext
from penstock._engine.futures import PenstockFuture
from penstock._values.annotations import BaseAnnotation, allow_failure, opaque, quote
from penstock._values.collections import StopVisiting, members, visit
from penstock._values.outcome import state_exception, state_result
from penstock._values.states import State
from penstock.exceptions import UpstreamTaskError

#: Objects that Python shares freely say nothing about where they came from.
_SINGLETONS = (type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented))


def resolve(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with futures and states, however nested, replaced by their values.

    Raises:
        UpstreamTaskError: one of them did not complete, and is not inside `allow_failure`.
    """
    return {name: resolve_value(value) for name, value in parameters.items()}


def resolve_value(value: Any, *, tolerant: bool = False) -> Any:
    """Resolve one argument; annotations are taken off, wherever in it they are.

    Args:
        value: what was given.
        tolerant: let failed upstreams through, as their exceptions.
    """
    kind = type(value)
    if kind in _SINGLETONS:
        return value
    if isinstance(value, BaseAnnotation):
        return _unmarked(value, tolerant=tolerant)
    return visit(
        value,
        lambda leaf: _leaf(leaf, tolerant=tolerant),
        marks=lambda mark: _unmarked(mark, tolerant=tolerant),
    )


def _unmarked(mark: BaseAnnotation[Any], *, tolerant: bool) -> Any:
    """Return what is in an annotation, resolved as the annotation asks for."""
    inner = mark.unwrap()
    if isinstance(mark, quote):
        return inner
    if isinstance(mark, opaque):
        return _leaf(inner, tolerant=tolerant)
    return resolve_value(inner, tolerant=tolerant or isinstance(mark, allow_failure))


def _leaf(leaf: Any, *, tolerant: bool) -> Any:
    if isinstance(leaf, PenstockFuture):
        leaf.wait()
        return _value_of(leaf.state, leaf.run_name, tolerant=tolerant)
    if isinstance(leaf, State):
        name = getattr(leaf, "run_name", None) or str(leaf.state_details.task_run_id or "a state")
        return _value_of(leaf, name, tolerant=tolerant)
    return leaf


def _value_of(state: State, name: str, *, tolerant: bool) -> Any:
    if state.is_completed():
        return state_result(state)
    if tolerant and state.is_final():
        return state_exception(state)
    raise UpstreamTaskError(
        f"Upstream task run '{name}' did not reach a 'COMPLETED' state: it is {state.name}"
        + (f" ({state.message})" if state.message else "")
    )


def digest_of_upstream(value: Any) -> str | None:
    """Return the content hash of an argument that is an upstream run's whole result, where that is known."""
    while isinstance(value, BaseAnnotation) and not isinstance(value, (quote, allow_failure)):
        value = value.unwrap()
    if isinstance(value, PenstockFuture):
        value = value.state
    return value.digest if isinstance(value, State) else None


def check_wait_for(wait_for: Iterable[Any] | None) -> None:
    """Wait for everything in `wait_for`.

    Raises:
        UpstreamTaskError: one did not complete.
    """
    for item in wait_for or ():
        resolve_value(item)


def edges(
    parameters: Mapping[str, Any], wait_for: Iterable[Any] | None, context: FlowRunContext | None
) -> dict[str, list[dict[str, str]]]:
    """Return the upstream runs by parameter name, as the run graph keeps them."""
    found: dict[str, list[dict[str, str]]] = {}
    for name, value in parameters.items():
        runs = upstream_runs(value, context)
        if runs:
            found[name] = runs
    if wait_for:
        runs = upstream_runs(list(wait_for), context)
        if runs:
            found["wait_for"] = runs
    return found


def upstream_runs(value: Any, context: FlowRunContext | None, *, max_depth: int = -1) -> list[dict[str, str]]:
    """Return the runs that something in `value` comes from: a future, a state, or an object one of them produced.

    Args:
        value: an argument.
        context: the flow run whose results are known by identity.
        max_depth: how many layers to look into; a negative number for all of them.
    """
    kind = type(value)
    if kind in _SINGLETONS or kind is quote:
        return []
    ids: dict[str, str] = {}
    produced = context.run_results if context is not None else {}

    def note(state: State) -> None:
        details = state.state_details
        if details.task_run_id is not None:
            ids[str(details.task_run_id)] = "task_run"
        elif details.flow_run_id is not None:
            ids[str(details.flow_run_id)] = "flow_run"

    def leaf(obj: Any) -> Any:
        if isinstance(obj, PenstockFuture):
            kind, run = obj.edge
            ids[str(run)] = kind
        elif isinstance(obj, State):
            note(obj)
        elif produced:
            known = produced.get(id(obj))
            if known is not None:
                note(known[1])
        return obj

    def container(obj: Any) -> bool:
        """Whether to look inside; what a run produced leads to that run, not to its parts."""
        known = produced.get(id(obj))
        if known is not None:
            note(known[1])
        return known is None

    visit(value, leaf, inside=container if produced else None, max_depth=max_depth)
    return [{"input_type": kind, "id": run} for run, kind in ids.items()]


def link_result(context: FlowRunContext | None, value: Any, state: State) -> None:
    """Remember which run produced an object, so that passing it on by value still leaves an edge.

    By identity, one level deep, and not for objects that Python shares.
    """
    if context is None or type(value) in _SINGLETONS:
        return
    for obj in (value, *members(value)):
        if type(obj) not in _SINGLETONS:
            context.run_results[id(obj)] = (obj, state)


def is_linked(parameters: dict[str, Any]) -> bool:
    """True when something in the parameters may have to be resolved (futures, states, annotations)."""
    plain = (str, int, float, bool, bytes, type(None))
    return any(type(value) not in plain and _holds_link(value) for value in parameters.values())


def _holds_link(value: Any) -> bool:
    def leaf(part: Any) -> Any:
        if isinstance(part, (PenstockFuture, State)):
            raise StopVisiting
        return part

    try:
        visit(value, leaf, marks=_stop)
    except StopVisiting:
        return True
    return False


def _stop(_: Any) -> Any:
    raise StopVisiting
