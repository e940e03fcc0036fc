"""A flow run as one piece of text: the flow itself, its arguments and the run. Reference: advanced/
submit-flows-directly-to-dynamic-infrastructure.

The flow travels as a pickle, not by the name of its file: also one of a notebook, and with it the user's own modules
that it uses, since the other side may not have them. Whoever executes a bundle runs its code.
"""

from __future__ import annotations

import base64
import gzip
import json
import pickle
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, TypedDict

from penstock._engine.context_transfer import serialize_context
from penstock._results.origins import Origin, origin_of
from penstock._results.storages import place_of
from penstock._values.runs import FlowRun
from penstock.exceptions import ConfigurationError, InfrastructureError, SerializationError

#: Where the process of a run finds its bundle.
BUNDLE_VARIABLE = "PENSTOCK__FLOW_BUNDLE"


class SerializedBundle(TypedDict):
    """What travels; all of it JSON."""

    function: str
    context: str
    parameters: str
    flow_run: dict[str, Any]
    python: str


def create_bundle_for_flow_run(
    flow: Any,
    flow_run: FlowRun,
    context: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> SerializedBundle:
    """Return a flow run as a bundle, for `Runner.execute_bundle` or `execute_bundle_in_subprocess` elsewhere.

    Args:
        flow: the flow, from wherever it is.
        flow_run: a run of it that was made and has not begun.
        context: tags and temporary settings of the run, as `serialize_context` gives them; the present ones by default.
        parameters: arguments by name; those of `flow_run` by default.

    Raises:
        SerializationError: an argument, or something the flow uses, cannot be pickled; says which.

    Example:
        >>> bundle = create_bundle_for_flow_run(my_flow, run)  # doctest: +SKIP
        >>> execute_bundle_in_subprocess(bundle).join()  # doctest: +SKIP
    """
    given = dict(flow_run.parameters if parameters is None else parameters)
    carried = serialize_context() if context is None else dict(context)
    carried = {name: carried.get(name) or {} for name in ("tags_context", "settings_context")}
    with _own_modules_by_value(flow.fn):
        arguments = _pickled_arguments(flow, given)
        try:
            function = _packed(flow)
        except Exception as error:
            raise SerializationError(
                f"Flow {flow.name!r} cannot be sent to where it is to run: {error}. Open connections and files, and "
                "make locks, inside the flow."
            ) from error
    return {
        "function": function,
        "context": _packed(carried),
        "parameters": arguments,
        "flow_run": flow_run.model_dump(mode="json", exclude={"parameters", "state"}),
        "python": platform.python_version(),
    }


def _pickled_arguments(flow: Any, parameters: Mapping[str, Any]) -> str:
    """Return arguments as text.

    Raises:
        SerializationError: one cannot be pickled; says which, and what to do instead.
    """
    try:
        return _packed(dict(parameters))
    except Exception as error:
        found = [
            f"parameter {name!r} is a {_kind(value)}: {why}" for name, value, why in _culprits(parameters)
        ]
        raise SerializationError(
            f"Flow {flow.name!r} cannot be sent to where it is to run: {'; '.join(found) or error}. Give what it can be "
            "made from, such as a path or an address, and open connections and files inside the flow."
        ) from error


def put_bundle(bundle: SerializedBundle, storage: Any) -> str:
    """Put a bundle into a storage and return where it is, as a URL.

    Args:
        bundle: what to put there.
        storage: a folder, URL or file system that both sides reach.

    Raises:
        ConfigurationError: another process could not find anything in this storage.
    """
    place = place_of(storage)
    if place.url is None:
        raise ConfigurationError(
            f"A flow cannot be sent by way of {storage!r}: no other process finds anything there. Give the flow a "
            "result_storage that both sides reach, such as a shared folder or a bucket."
        )
    key = f"bundles/{bundle['flow_run']['id']}"
    place.write(key, [json.dumps(bundle).encode()])
    return f"{place.url.rstrip('/')}/{key}"


def get_bundle(url: str) -> SerializedBundle:
    """Return the bundle at a URL.

    Raises:
        InfrastructureError: there is none; says what both sides must have in common.
    """
    base, _, name = url.rpartition("/bundles/")
    try:
        with place_of(base).open(f"bundles/{name}") as file:
            bundle: SerializedBundle = json.loads(file.read())
    except FileNotFoundError as error:
        raise InfrastructureError(
            f"The flow of run {name} is not at {url}. The folder or bucket it was put into must be there under the same "
            "path on this side: mount it, or give the flow a result_storage that both sides reach."
        ) from error
    return bundle


def discard_bundle(url: str) -> None:
    """Remove a bundle whose run has ended from a folder of this machine; a bucket has rules of its own for that."""
    if url.startswith("file://"):
        Path(url.removeprefix("file://")).unlink(missing_ok=True)


def open_bundle(bundle: SerializedBundle) -> tuple[Any, FlowRun, dict[str, Any], dict[str, Any]]:
    """Return the flow of a bundle, the run, its arguments and its context. Runs code of whoever made the bundle.

    Raises:
        InfrastructureError: it cannot be read here; says what differs.
    """
    try:
        flow, parameters, context = (
            _unpacked(bundle["function"]),
            _unpacked(bundle["parameters"]),
            _unpacked(bundle["context"]),
        )
    except Exception as error:
        here = platform.python_version()
        versions = (
            f" It was made by Python {bundle['python']}, and this is {here}."
            if here != bundle["python"]
            else ""
        )
        raise InfrastructureError(
            f"The flow of run {bundle['flow_run']['id']} cannot be read here: {error!r}.{versions} Both sides need the "
            "same packages."
        ) from error
    return flow, FlowRun.model_validate(bundle["flow_run"]), parameters, context


@contextmanager
def _own_modules_by_value(fn: Any) -> Iterator[None]:
    """Pickle what a function uses of the user's own modules by value: the other side may not have their files."""
    import cloudpickle

    known = set(cloudpickle.list_registry_pickle_by_value())
    ours = [
        module for module in _own_modules(getattr(fn, "__module__", None)) if module.__name__ not in known
    ]
    for module in ours:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in ours:
            cloudpickle.unregister_pickle_by_value(module)


def _own_modules(start: str | None) -> list[ModuleType]:
    """Return the user's own modules that a module uses, itself included; `__main__` travels by value anyway."""
    found: dict[str, ModuleType] = {}
    waiting = [start] if start else []
    while waiting:
        name = waiting.pop()
        module = sys.modules.get(name)
        if name in found or module is None or origin_of(name) is not Origin.USER:
            continue
        found[name] = module
        for value in list(vars(module).values()):
            used = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
            if isinstance(used, str):
                waiting.append(used)
    return [module for name, module in found.items() if name not in ("__main__", "__mp_main__")]


def _packed(value: Any) -> str:
    import cloudpickle

    return base64.b64encode(gzip.compress(cloudpickle.dumps(value), 1)).decode()


def _unpacked(text: str) -> Any:
    return pickle.loads(gzip.decompress(base64.b64decode(text)))


def _culprits(parameters: Mapping[str, Any]) -> Iterator[tuple[str, Any, Exception]]:
    for name, value in parameters.items():
        try:
            _packed(value)
        except Exception as error:
            yield name, value, error


def _kind(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
