"""What travels between a driver and the workers of a cluster.

The driver packs each run (`packing`), a worker executes it (`remote_run`) and answers with an `Outcome`, which stays
on the worker; its `Summary` goes back to the driver.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock._engine.context_transfer import FlowRunFacts
from penstock._engine.observers import Recording
from penstock._engine.task_options import TaskOptions
from penstock._results.fingerprint import KnownFingerprint
from penstock._values.runs import TaskRun
from penstock._values.states import State, StateDetails, StateType

#: Values up to this size (pickled) travel with the summary; bigger ones stay on the worker until asked for.
INLINE_BYTES = 64 * 1024


class Slot:
    """Stands for the outcome of an upstream run, or for an input that was sent ahead.

    Not a dataclass: `visit` walks into those, and must hand this one over whole.
    """

    __slots__ = ("number", "part")

    def __init__(self, number: int, part: str | None = None) -> None:
        self.number = number
        #: Which part of an upstream run's value is meant; None for all of it.
        self.part = part


@dataclass(slots=True)
class Recipe:
    """What all runs of one task in one flow run share; pickled once, unpickled once a worker process."""

    task: Any
    options: TaskOptions
    task_key: str
    flow_run_id: Any
    runner: str | None
    tags: frozenset[str]
    home: Path
    host: str
    driver: str
    #: What `penstock.runtime.flow_run` shows on the worker.
    facts: FlowRunFacts | None = None
    #: Records what the task prints and displays, for a driver that shows it.
    recording: Recording | None = None


@dataclass(slots=True)
class RemoteCall:
    """What a worker needs beside the recipe to run one task once."""

    recipe: bytes | Slot
    #: Fields of the task run that are its own: id, name, tags, dynamic key, upstream runs, time.
    run: tuple[Any, ...]
    parameters: dict[str, Any]
    wait_for: tuple[Any, ...]
    fingerprints: dict[str, KnownFingerprint]

    def task_run(self, recipe: Recipe) -> TaskRun:
        """Return the run as the driver made it."""
        identity, name, tags, dynamic_key, upstream, created = self.run
        return TaskRun(
            id=identity,
            name=name,
            tags=tags,
            state=State(StateType.PENDING, timestamp=created),
            task_key=recipe.task_key,
            dynamic_key=dynamic_key,
            task_name=recipe.task.name,
            flow_run_id=recipe.flow_run_id,
            task_inputs=upstream,
            runner=recipe.runner,
            created=created,
            expected_start_time=created,
        )


@dataclass(slots=True)
class Summary:
    """How a run ended, without its value (unless that is small)."""

    task_run_id: str
    type: StateType
    name: str
    message: str | None
    details: dict[str, Any]
    run_count: int
    run_name: str
    inline: bytes | None = None
    digest: str | None = None
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    logs: list[tuple[dict[str, Any], int]] = field(default_factory=list)
    #: Journal lines (kind, body, time) of a worker that has no journal the driver's store could read.
    lines: list[tuple[str, dict[str, Any], int | None]] = field(default_factory=list)
    #: Whose journal holds the artifacts and logs; empty when none that the driver can read does.
    client: str = ""
    #: Where an exception went through: file, line and function, outermost first.
    frames: list[tuple[str, int, str]] = field(default_factory=list)

    def state(self, data: Any) -> State:
        """Return the state it describes."""
        details = StateDetails.from_json(self.details)
        state = State(self.type, name=self.name, message=self.message, data=data, state_details=details)
        state.digest = self.digest
        return state


@dataclass(slots=True)
class Outcome:
    """How a run ended, with its value or exception: what stays on the worker."""

    summary: Summary
    data: Any

    def state(self) -> State:
        """Return the outcome as the state of an upstream run."""
        summary = self.summary
        state = UpstreamState(summary.type, name=summary.name, message=summary.message, data=self.data)
        state.state_details = StateDetails.from_json(summary.details)
        state.run_name = summary.run_name
        state.digest = summary.digest
        return state


class UpstreamState(State):
    """The state of an upstream run, with the name that errors call it by."""

    __slots__ = ("run_name",)

    run_name: str


def approximate_size(obj: Any) -> int:
    """Return about how many bytes an object holds; cheap, and 0 when it is not known."""
    size = getattr(obj, "nbytes", None)
    if isinstance(size, int):
        return size
    if isinstance(obj, (bytes, bytearray, str)):
        return len(obj)
    usage: Any = getattr(obj, "memory_usage", None)
    if usage is not None and hasattr(obj, "columns"):
        return int(usage(deep=False).sum())
    return 0
