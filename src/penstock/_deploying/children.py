"""One flow run in a process of its own: starting it, seeing how it ends, and ending it.

The process gets the run's id and the name of the process that started it, which hands the run over to it. It is in a
session of its own, so that Ctrl-C in a terminal reaches the runner only, which then asks for the run to be cancelled.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from penstock._link.client import path_of
from penstock._link.session import Session
from penstock._values.states import State, StateType
from penstock.exceptions import PenstockException
from penstock.settings import get_current_settings

#: The command that runs a flow run.
ENGINE = (sys.executable, "-m", "penstock.engine")
#: How long a run that is to be cancelled may go on before its process is asked to end, in seconds.
POLITE = 10.0
#: How long the process may take after that before it is killed, in seconds.
GRACE = 20.0
#: How often it is looked whether a run is to be cancelled, in seconds.
LOOK = 2.0
_logger = logging.getLogger("penstock.runner")


class Child:
    """A flow run in a process of its own.

    Args:
        session: of the runner.
        run_id: which run; the runner owns it until the process has taken it over.
        entrypoint: of its flow; that of its deployment by default.
        folder: where the process works.
        env: variables on top of this process's.
        command: what to start instead of our own engine.
        quiet: throw away what it prints.
    """

    def __init__(
        self,
        session: Session,
        run_id: str,
        entrypoint: str | None = None,
        folder: str | Path | None = None,
        env: Mapping[str, str | None] | None = None,
        command: Sequence[str] | None = None,
        *,
        quiet: bool = False,
    ) -> None:
        self.run_id = run_id
        self._session = session
        self._asked_at: float | None = None
        out = subprocess.DEVNULL if quiet else None
        self.process = subprocess.Popen(
            list(command or ENGINE),
            cwd=folder if folder is not None and Path(folder).is_dir() else None,
            env=_environment(session, run_id, entrypoint, env or {}),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )

    def wait(self, *, look_every: float | None = None) -> int:
        """Wait for the process to end, and see to it that the run has ended, too; return the exit status.

        Args:
            look_every: seconds between looks whether the run is to be cancelled, where nobody else looks.
        """
        while True:
            try:
                status = self.process.wait(look_every)
                break
            except subprocess.TimeoutExpired:
                found = _state(self._session, self.run_id)
                if found is not None and found.type is StateType.CANCELLING:
                    self.look_after_cancelling(clock())
        state = _state(self._session, self.run_id)
        if state is None or state.is_final() or state.is_scheduled() or state.is_paused():
            return status
        if state.type is StateType.CANCELLING:
            self._propose(State(StateType.CANCELLED, message="The run was cancelled."))
        elif status:
            self._propose(State(StateType.CRASHED, message=f"The process of this run {_told(status)}."))
        elif state.is_pending():
            message = "The process of this run ended without beginning it; its output says why."
            self._propose(State(StateType.CRASHED, message=message))
        return status

    def look_after_cancelling(self, now: float) -> None:
        """End the process of a run that is to be cancelled and does not stop by itself.

        Args:
            now: seconds, of a clock that does not jump.
        """
        if self._asked_at is None:
            self._asked_at = now
        late = now - self._asked_at
        if self.process.poll() is not None or late < POLITE:
            return
        if late < POLITE + GRACE:
            self.process.send_signal(signal.SIGTERM)
            return
        _logger.warning("Flow run %s did not stop and is killed.", self.run_id)
        # First the state: what the store finds dead while it is cancelling would be taken for a crash.
        self._propose(
            State(StateType.CANCELLED, message="The run was cancelled; its process had to be killed.")
        )
        self.process.kill()

    def _propose(self, state: State) -> None:
        propose(self._session, self.run_id, state)


def propose(session: Session, run_id: str, state: State) -> None:
    """Propose a state of a run; what the store makes of it, or that it cannot be asked, is not waited for."""
    try:
        session.store.request(
            "POST", path_of("link", "flow_runs", run_id, "propose"), {"state": state.to_json()}
        )
    except PenstockException as error:
        _logger.warning("Flow run %s could not be set to %s: %s", run_id, state.name, error)


def ask_to_cancel(session: Session, run_id: str) -> None:
    """Ask for a run to be cancelled, because who started it stops."""
    propose(session, run_id, State(StateType.CANCELLING, message="The runner of this flow run was stopped."))


def _environment(
    session: Session, run_id: str, entrypoint: str | None, more: Mapping[str, str | None]
) -> dict[str, str]:
    given: dict[str, str | None] = {
        **os.environ,
        **get_current_settings().to_environment_variables(exclude_unset=True),
        "PENSTOCK_HOME": str(session.workspace.home),
        "PENSTOCK__FLOW_RUN_ID": run_id,
        "PENSTOCK__RUNNER": session.client,
        "PENSTOCK__FLOW_ENTRYPOINT": entrypoint,
        **more,
    }
    return {name: value for name, value in given.items() if value is not None}


def _state(session: Session, run_id: str) -> State | None:
    try:
        shown: dict[str, Any] = session.store.request("GET", path_of("api", "flow_runs", run_id))
    except PenstockException as error:
        _logger.warning("The state of flow run %s could not be read: %s", run_id, error)
        return None
    return State.from_json(shown["state"])


def _told(status: int) -> str:
    if status >= 0:
        return f"ended with exit status {status}; its output says why"
    name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
    help_of = {
        signal.SIGKILL: ", as it is when memory runs out or somebody kills it",
        signal.SIGTERM: ", as it is when somebody asks it to end",
    }
    return f"was ended by {name}{help_of.get(signal.Signals(-status), '')}"


def clock() -> float:
    """Return seconds of a clock that does not jump."""
    return time.monotonic()
