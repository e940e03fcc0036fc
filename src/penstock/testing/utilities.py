"""Helpers for tests of flows. Reference page: api-ref/python/prefect-testing-utilities."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from penstock._link.session import current_session
from penstock._results.serializers import Serializer, resolve_serializer
from penstock._results.store import ResultStore, StoredResult
from penstock._values.runs import FlowRun
from penstock._values.states import State
from penstock.exceptions import ObjectNotFound
from penstock.testing.harness import penstock_test_harness as penstock_test_harness
from penstock.testing.harness import prefect_test_harness as prefect_test_harness

#: Seconds the store may take for what this process has told it.
_PATIENCE = 20.0


def exceptions_equal(a: Exception, b: Exception) -> bool:
    """Say whether two errors are the same by type and arguments; they may have been pickled meanwhile.

    Example:
        >>> exceptions_equal(ValueError("x"), ValueError("x"))
        True
    """
    return type(a) is type(b) and getattr(a, "args", None) == getattr(b, "args", None)


def kubernetes_environments_equal(
    actual: list[dict[str, str]], expected: list[dict[str, str]] | dict[str, str]
) -> bool:
    """Say whether two environments of a container are the same, in whatever order; prints the differences.

    Args:
        actual: `{"name": ..., "value": ...}` for each variable.
        expected: the same, or the variables as a dict.
    """
    wanted = expected if isinstance(expected, dict) else {item["name"]: item["value"] for item in expected}
    found = {item["name"]: item["value"] for item in actual}
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            print(f"{name}: expected {wanted.get(name)!r}, found {found.get(name)!r}")  # noqa: T201 - for the reader of a test
    return found == wanted


@contextmanager
def assert_does_not_warn(ignore_warnings: list[type[Warning]] | None = None) -> Iterator[None]:
    """Make warnings errors inside a `with` block.

    Args:
        ignore_warnings: kinds of warnings that are all right.

    Raises:
        AssertionError: something warned; the warning is its cause.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in ignore_warnings or ():
            warnings.filterwarnings("ignore", category=kind)
        try:
            yield
        except Warning as warning:
            raise AssertionError(f"Warning was raised: {warning!r}") from warning


class FoundFlowRun(FlowRun):
    """A flow run that may be awaited, so that ``await get_most_recent_flow_run()`` is as good as without."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, FlowRun]:
        return self
        yield  # makes this a generator


def get_most_recent_flow_run(client: Any = None, flow_name: str | None = None) -> FoundFlowRun:
    """Return the flow run that was created last.

    Args:
        client: not needed; part of the documented signature.
        flow_name: only runs of this flow.

    Raises:
        ObjectNotFound: there is none.

    Example:
        >>> with penstock_test_harness():
        ...     flow(lambda: 1, name="one")(return_state=True)
        ...     get_most_recent_flow_run().flow_name
        'one'
    """
    session = current_session()
    session.drain(_PATIENCE)
    body: dict[str, Any] = {"sort": "ID_DESC", "limit": 1}  # ids are in the order of creation
    if flow_name is not None:
        body["flows"] = {"name": {"any_": [flow_name]}}
    found = session.store.request("POST", "/api/flow_runs/filter", body)
    if not found:
        which = f" of flow {flow_name!r}" if flow_name is not None else ""
        raise ObjectNotFound(help_message=f"There is no flow run{which} in {session.workspace.home}.")
    return _flow_run(found[0])


def _flow_run(record: dict[str, Any]) -> FoundFlowRun:
    state = record.get("state")
    return FoundFlowRun(
        id=UUID(record["id"]),
        name=record["name"],
        tags=list(record.get("tags") or ()),
        state=State.from_json(state) if state else None,
        run_count=record.get("run_count") or 0,
        created=_moment(record.get("created")),
        expected_start_time=_moment(record.get("expected_start_time")),
        start_time=_moment(record.get("start_time")),
        end_time=_moment(record.get("end_time")),
        flow_id=UUID(record["flow_id"]),
        flow_name=record.get("flow_name") or "",
        flow_version=record.get("flow_version"),
        deployment_id=_id(record.get("deployment_id")),
        parameters=record.get("parameters") or {},
        parent_task_run_id=_id(record.get("parent_task_run_id")),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _id(text: str | None) -> UUID | None:
    return UUID(text) if text else None


def assert_uses_result_serializer(
    state: State, serializer: str | Serializer[Any], client: Any = None
) -> None:
    """Assert how the result of a run was written.

    Args:
        state: the run's final state.
        serializer: the serializer, or its type.
        client: not needed; part of the documented signature.

    Raises:
        AssertionError: it was written otherwise, or not at all.
    """
    key, stores = _stored(state)
    found = next((about for store in stores if (about := store.look(key)) is not None), None)
    assert found is not None, (
        f"No result is stored under {key!r} in {', '.join(repr(s.result_storage) for s in stores)}."
    )
    wanted = resolve_serializer(serializer).type
    written = found.settings["type"]
    assert written == wanted, f"The result was written with {written!r}, not with {wanted!r}."


def assert_uses_result_storage(state: State, storage: Any, client: Any = None) -> None:
    """Assert where the result of a run is stored.

    Args:
        state: the run's final state.
        storage: the folder.
        client: not needed; part of the documented signature.

    Raises:
        AssertionError: it is stored elsewhere, or not at all.
    """
    key, _ = _stored(state)
    assert ResultStore(storage).look(key) is not None, f"No result is stored under {key!r} in {storage}."


def _stored(state: State) -> tuple[str, list[ResultStore]]:
    """Return the key of a result, and where it may be: in the folder the state names, else where results go."""
    if isinstance(state.data, StoredResult):
        return state.data.key, [state.data.store]
    key = state.state_details.cache_key
    assert key is not None, f"The result of {state!r} is not stored; set persist_result=True."
    return key, [ResultStore()]


__all__ = [
    "assert_does_not_warn",
    "assert_uses_result_serializer",
    "assert_uses_result_storage",
    "exceptions_equal",
    "get_most_recent_flow_run",
    "kubernetes_environments_equal",
    "penstock_test_harness",
    "prefect_test_harness",
]
