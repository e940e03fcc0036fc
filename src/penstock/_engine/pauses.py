"""Pausing a flow run until somebody answers. Reference page: advanced/interactive.

A pause is one gate: it is stored first (question, then the Paused state), then shown, and it is passed once, by
whichever answer the store accepts first: a form in the notebook, `penstock flow-run resume`, the REST API, a
declared answer, the end of its time, or the cancellation of the run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson

from penstock._engine.answers import declared_answer
from penstock._engine.cancellation import token
from penstock._engine.contexts import FlowRunContext
from penstock._engine.observers import tell
from penstock._engine.open_pause import OpenPause
from penstock._engine.run_input import field_errors, keyset_from_base_key, question_of
from penstock._engine.run_logging import flow_run_logger
from penstock._link.client import StoreClient, path_of
from penstock._link.session import current_session
from penstock._values.states import State, StateDetails, StateType, utc_now
from penstock.exceptions import (
    Abort,
    ConfigurationError,
    FlowPauseTimeout,
    MissingContextError,
    ObjectNotFound,
    UnansweredPause,
)

#: Seconds one long poll lasts; a change ends it at once.
_POLL = 20.0


def _always() -> bool:
    return True


#: Asks whether somebody could answer a pause here. A notebook without a person says no, and the pause raises.
can_be_answered: Callable[[], bool] = _always


def set_answerable(probe: Callable[[], bool] | None) -> None:
    """Let `probe` say whether somebody could answer; None for the default, "yes"."""
    global can_be_answered
    can_be_answered = probe or _always


def pause(wait_for_input: Any, timeout: float | None, key: str | None) -> Any:
    """Pause the flow run that is active here and return the answer.

    Args:
        wait_for_input: the type of the answer, or None to wait for a plain resume.
        timeout: seconds until the run fails for want of an answer; None waits for ever.
        key: identity of the pause within the run; the Nth pause is called N by default.

    Raises:
        MissingContextError: no flow run is active here.
        FlowPauseTimeout: nobody answered in time; the run is Failed.
        UnansweredPause: nobody can answer here and no answer is declared; the run stays Paused.
    """
    context = FlowRunContext.get()
    if context is None:
        raise MissingContextError(
            "A flow run can only be paused from inside a flow (or a task of it, in this process)."
        )
    number = context.count_pause()
    gate = Gate(context, wait_for_input, key or str(number), timeout)
    return gate.run()


class Gate:
    """One pause of a flow run: its question, its answer, and the states between."""

    def __init__(self, context: FlowRunContext, kind: Any, key: str, timeout: float | None) -> None:
        self._context = context
        self._store: StoreClient = current_session().store
        self._run_id: UUID = context.flow_run.id
        self._question = question_of(kind) if kind is not None else None
        self._pause = OpenPause(context.flow_run, key, self._question)
        self._keys = keyset_from_base_key(f"paused-{key}") if self._question else None
        self._timeout = timeout
        self._logger = flow_run_logger(context.flow_run, context.flow)

    def run(self) -> Any:
        given = self._response()
        if given is not None:
            return self._value(given)
        if not self._enter_paused():
            return self._value(self._response())
        paused = self._context.flow_run.state
        assert paused is not None
        watcher = _Watcher(self._store, self._run_id, paused, self._pause)
        tell("pause_opened", self._pause)
        try:
            self._try_declared()
            watcher.start()
            state = self._wait()
        finally:
            watcher.stop()
            tell("pause_closed", self._pause)
        self._continue(state)
        return self._value(self._response())

    def _enter_paused(self) -> bool:
        """Store the question, then propose the pause; False when this pause was passed before."""
        if self._question is not None and self._keys is not None:
            self._put(self._keys["schema"], orjson.dumps(self._question.schema).decode())
            if self._question.description:
                self._put(self._keys["description"], self._question.description)
        details = StateDetails(
            flow_run_id=self._run_id,
            pause_key=self._pause.key,
            pause_timeout=utc_now() + timedelta(seconds=self._timeout) if self._timeout is not None else None,
            run_input_keyset=self._keys,
        )
        answer = self._store.request(
            "POST",
            path_of("link", "flow_runs", self._run_id, "propose"),
            {
                "state": self._pausing(details).to_json(),
                "client": current_session().client,
            },
        )
        if answer["status"] == "ABORT":
            raise Abort(answer.get("reason") or "The flow run may not pause.")
        state = State.from_json(answer["state"])
        self._take(state)
        if not state.is_paused():
            return False
        self._logger.info("%s; waiting for %s.", state.name, "input" if self._question else "resume")
        return True

    def _pausing(self, details: StateDetails) -> State:
        """Return the state of the run until it is resumed."""
        return State(StateType.PAUSED, state_details=details)

    def _wait(self) -> State:
        """Return the state the run is in when the pause is over."""
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        while True:
            token().check()
            arrived = self._pause.next(0.1)
            if arrived is None:
                if deadline is not None and time.monotonic() > deadline:
                    self._expire()
                continue
            source, value = arrived
            if source == "state":
                self._note_answer_from_elsewhere(value)
                return value  # type: ignore[no-any-return]
            self._offer(value, source)

    def _note_answer_from_elsewhere(self, state: State) -> None:
        """Say so when the run goes on with an answer that was not given here."""
        if self._pause.values is None and (state.is_running() or state.is_scheduled()):
            self._pause.values, self._pause.answered_via = self._response() or {}, "another process"

    def _try_declared(self) -> None:
        name = self._question.title if self._question else None
        try:
            answer = declared_answer(self._context.flow.name, self._pause.key, name)
        except ConfigurationError as error:
            # A bad file is no reason to lose the run: somebody can still answer it.
            raise UnansweredPause(str(self._run_id), self._pause.key, f"{error}\n{self._how()}") from error
        if answer is not None:
            self._offer(answer, "declared answer")
            if self._pause.errors:
                raise UnansweredPause(
                    str(self._run_id),
                    self._pause.key,
                    f"The declared answer was refused: {_sentence(self._pause.errors)}.\n{self._how()}",
                )
        elif not can_be_answered():
            raise UnansweredPause(str(self._run_id), self._pause.key, self._how())
        else:
            self._logger.info(
                "Answer in the form, or with: penstock flow-run resume %s%s", self._run_id, self._example()
            )

    def _offer(self, values: dict[str, Any], via: str) -> None:
        """Check an answer here, then give it to the store; whatever is wrong is shown and nothing resumes."""
        errors = self._check(values)
        if not errors:
            body = {"run_input": values} if self._question else {}
            answer = self._store.request("POST", path_of("api", "flow_runs", self._run_id, "resume"), body)
            if answer["status"] != "ACCEPT":
                errors = {"": (answer.get("details") or {}).get("reason") or "The answer was refused."}
            else:
                self._pause.values, self._pause.answered_via = values, via
        self._pause.errors = errors
        if errors:
            tell("pause_opened", self._pause)

    def _check(self, values: dict[str, Any]) -> dict[str, str]:
        if self._question is None:
            return {}
        from pydantic import ValidationError

        try:
            self._question.model.model_validate(values)
        except ValidationError as error:
            return field_errors(error)
        return {}

    def _expire(self) -> None:
        message = f"Flow run was paused and never resumed: no answer at pause {self._pause.key!r} in {self._timeout:g} s."
        raise FlowPauseTimeout(message)

    def _continue(self, state: State) -> None:
        self._take(state)
        if state.is_running():
            self._logger.info("Resumed.")
        elif state.is_scheduled():
            # Somebody resumed it as if this process were gone. It is not: go on.
            answer = self._store.request(
                "POST",
                path_of("link", "flow_runs", self._run_id, "propose"),
                {"state": State(StateType.RUNNING).to_json(), "client": current_session().client},
            )
            self._take(State.from_json(answer["state"]))
        elif state.type in (StateType.CANCELLING, StateType.CANCELLED):
            token().set("cancelled")
            token().check()
        else:
            raise Abort(f"The flow run is {state.name}, it does not go on. {state.message or ''}")

    def _take(self, state: State) -> None:
        self._context.flow_run.state = state
        tell("flow_run_state", self._context.flow_run, state)

    def _put(self, key: str, value: str) -> None:
        self._store.request(
            "POST", path_of("api", "flow_runs", self._run_id, "input"), {"key": key, "value": value}
        ) if self._read(key) is None else None

    def _read(self, key: str) -> Any:
        try:
            return self._store.request("GET", path_of("api", "flow_runs", self._run_id, "input", key))
        except ObjectNotFound:
            return None

    def _response(self) -> Any:
        if self._keys is None:
            return None
        text = self._read(self._keys["response"])
        return orjson.loads(text) if isinstance(text, str) else text

    def _value(self, response: Any) -> Any:
        if self._question is None:
            return None
        made = self._question.model.model_validate(response)
        return made.value if self._question.bare else made  # type: ignore[attr-defined]

    def _how(self) -> str:
        return (
            f"Answer it with:  penstock flow-run resume {self._run_id}{self._example()}\n"
            f"then go on with the run by running the same code with PENSTOCK__FLOW_RUN_ID={self._run_id}; "
            "or declare answers beforehand in a file named by PENSTOCK_ANSWERS."
        )

    def _example(self) -> str:
        if self._question is None:
            return ""
        fields = ", ".join(f'"{name}": …' for name in self._question.schema.get("properties", {}))
        return f" --input '{{{fields}}}'"


class _Watcher:
    """Long-polls the store for the state that ends a pause."""

    def __init__(self, store: StoreClient, run_id: UUID, paused: State, pause: OpenPause) -> None:
        self._arguments = (store, run_id, str(paused.id), pause)
        self._over = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._watch, name="penstock-pause", daemon=True).start()

    def stop(self) -> None:
        self._over.set()

    def _watch(self) -> None:
        store, run_id, after, open_pause = self._arguments
        while not self._over.is_set():
            try:
                answer = store.request(
                    "GET",
                    path_of("link", "flow_runs", run_id, "wait"),
                    query={"after": after, "timeout": _POLL},
                    timeout=_POLL + 10,
                )
            except Exception:
                # The store went away for a moment; the pause is stored, so ask again.
                self._over.wait(0.5)
                continue
            state = State.from_json(answer["state"])
            if str(state.id) != after:
                open_pause.changed(state)
                return


def _sentence(errors: dict[str, str]) -> str:
    return "; ".join(f"{path}: {text}" if path else text for path, text in errors.items())
