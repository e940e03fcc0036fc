"""A pause that waits: what is asked, what was wrong with the last answer, and where answers go."""

from __future__ import annotations

import queue
from typing import Any

from penstock._engine.run_input import Question
from penstock._values.runs import FlowRun
from penstock._values.states import State


class OpenPause:
    """A pause that waits for its answer. Forms show it and call `answer`."""

    def __init__(self, flow_run: FlowRun, key: str, question: Question | None) -> None:
        self.flow_run = flow_run
        self.key = key
        self.question = question
        #: What was wrong with the last answer, by field path; the empty path is the whole.
        self.errors: dict[str, str] = {}
        #: The answer the store accepted, and who gave it.
        self.values: dict[str, Any] | None = None
        self.answered_via: str | None = None
        self._arrivals: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

    @property
    def id(self) -> str:
        """Identity of the pause."""
        return f"{self.flow_run.id}/{self.key}"

    def answer(self, values: dict[str, Any], via: str = "form") -> None:
        """Hand in an answer, from any thread, without waiting; errors come back in `errors`."""
        self._arrivals.put((via, values))

    def changed(self, state: State) -> None:
        """Say that the run has entered another state."""
        self._arrivals.put(("state", state))

    def next(self, timeout: float) -> tuple[str, Any] | None:
        """Return what arrived, None when nothing did in `timeout` seconds."""
        try:
            return self._arrivals.get(timeout=timeout)
        except queue.Empty:
            return None
