"""Flows by entrypoint. Reference page: api-ref prefect-flows; the public door is `penstock.flows`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from penstock._deploying import deployment
from penstock._flow import Flow
from penstock._loading.entrypoints import Entrypoint
from penstock._loading.scripts import load_place, member
from penstock._loading.source import FLOW_ARGUMENTS, Definition, placeholder_function
from penstock.exceptions import MissingFlowError, ScriptError, UnspecifiedFlowError

AnyFlow = Flow[..., Any]


def load_flow_from_entrypoint(entrypoint: str, use_placeholder_flow: bool = True) -> AnyFlow:
    """Return the flow an entrypoint names, by running its file or importing its module.

    All of the file's top level runs, except what ``if __name__ == "__main__"`` guards.

    Args:
        entrypoint: ``path/to/file.py:function``, ``path/to/file.py:Class.method``, ``package.module.function`` or
            ``package.module:function``.
        use_placeholder_flow: when the file raises (a dependency is missing, say), return a flow with the name and
            options its source gives, which raises that `ScriptError` when it is called.

    Raises:
        ScriptError: the file raised, and no placeholder is wanted or can be made.
        MissingFlowError: it has no such flow. FileNotFoundError, ModuleNotFoundError: it is not there.

    Example:
        >>> load_flow_from_entrypoint("reports.py:nightly")()  # doctest: +SKIP
    """
    place = Entrypoint.parse(entrypoint)
    try:
        module = load_place(place)
    except ScriptError as error:
        if not use_placeholder_flow:
            raise
        try:
            return load_placeholder_flow(entrypoint, raises=error)
        except (OSError, SyntaxError, ValueError):
            raise error from error.user_exc
    found = _found(module, place)
    if not isinstance(found, Flow):
        raise MissingFlowError(
            f"Function with name {place.qualname!r} in {place.place!r} is not a flow. "
            "Make sure that it is decorated with '@flow'."
        )
    return found


def _found(module: Any, place: Entrypoint) -> Any:
    try:
        return member(module, place.qualname)
    except AttributeError as error:
        raise MissingFlowError(
            f"Flow function with name {place.qualname!r} not found in {place.place!r}."
        ) from error


def load_function_and_convert_to_flow(entrypoint: str) -> AnyFlow:
    """Return the flow an entrypoint names; a plain function is made one, which logs what it prints.

    Raises:
        ScriptError: its file raised. MissingFlowError: it has no such function.
    """
    place = Entrypoint.parse(entrypoint)
    found = _found(load_place(place), place)
    if isinstance(found, Flow):
        return found
    if not callable(found):
        raise MissingFlowError(f"{place.qualname!r} in {place.place!r} is not a function: it is {found!r}.")
    return Flow(found, log_prints=True)


def load_placeholder_flow(entrypoint: str, raises: BaseException) -> AnyFlow:
    """Return a flow with the name, options and parameters that its source gives, which raises when it is called.

    Args:
        entrypoint: where the flow is; nothing of it is run but what its options and annotations need.
        raises: what a call raises.

    Raises:
        ValueError: there is no such function. FileNotFoundError, SyntaxError: the source cannot be read.
    """
    definition = Definition(Entrypoint.parse(entrypoint))
    options = definition.flow_arguments(FLOW_ARGUMENTS)
    # A call must come as far as `raises`, whatever it was given.
    options["validate_parameters"] = False
    return Flow(placeholder_function(definition, raises), **options)


def safe_load_flow_from_entrypoint(entrypoint: str) -> AnyFlow | None:
    """Return the flow an entrypoint names, or None when it cannot be loaded for whatever reason."""
    try:
        return load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
    except Exception:
        return None


def load_flow_arguments_from_entrypoint(
    entrypoint: str, arguments: list[str] | set[str] | None = None
) -> dict[str, Any]:
    """Return the arguments of the ``@flow(...)`` of a function, from its source text.

    What cannot be evaluated without the file's imports is left out; `name` is always there.

    Args:
        entrypoint: where the flow is.
        arguments: which ones; by default those that are plain values, such as `retries` and `description`.

    Raises:
        ValueError: there is no such function. FileNotFoundError, SyntaxError: the source cannot be read.
    """
    definition = Definition(Entrypoint.parse(entrypoint))
    return definition.flow_arguments(FLOW_ARGUMENTS if arguments is None else set(arguments))


def is_entrypoint_async(entrypoint: str) -> bool:
    """Return whether the function an entrypoint names is an ``async def``, from its source text.

    Raises:
        ValueError: there is no such function. FileNotFoundError, SyntaxError: the source cannot be read.
    """
    return Definition(Entrypoint.parse(entrypoint)).is_async


def select_flow(
    flows: Iterable[AnyFlow], flow_name: str | None = None, from_message: str | None = None
) -> AnyFlow:
    """Return the only flow, or the one with a name.

    Args:
        flows: to choose from.
        flow_name: the name; of several flows with it, the last counts.
        from_message: said in errors after what was not found, such as ``"in script 'x.py'"``.

    Raises:
        MissingFlowError: there is none, or none of this name. UnspecifiedFlowError: there are several.
    """
    by_name = {flow.name: flow for flow in flows}
    where = f" {from_message}" if from_message else ""
    listed = ", ".join(repr(name) for name in by_name)
    if not by_name:
        raise MissingFlowError(f"No flows found{where}. Decorate the flow function with `@flow`.")
    if flow_name is not None:
        if flow_name not in by_name:
            raise MissingFlowError(
                f"Flow {flow_name!r} not found{where}. Found the following flows: {listed}. "
                "Check that the flow function is decorated with `@flow`."
            )
        return by_name[flow_name]
    if len(by_name) > 1:
        raise UnspecifiedFlowError(f"Found {len(by_name)} flows{where}: {listed}. Give one of these names.")
    return next(iter(by_name.values()))


#: Deployments are described by the entrypoints of flows, below this package.
deployment.load_flow = load_flow_from_entrypoint

__all__ = [
    "is_entrypoint_async",
    "load_flow_arguments_from_entrypoint",
    "load_flow_from_entrypoint",
    "load_function_and_convert_to_flow",
    "load_placeholder_flow",
    "safe_load_flow_from_entrypoint",
    "select_flow",
]
