"""Every error Penstock raises.

    PenstockException
    ├── run outcomes      CrashedRun FailedRun CancelledRun PausedRun UnfinishedRun MissingResult UpstreamTaskError
    ├── definition        MissingFlowError UnspecifiedFlowError ScriptError ParameterTypeError ParameterBindError
    │                     SignatureMismatchError ReservedArgumentError InvalidNameError
    ├── context, settings MissingContextError MissingProfileError ConfigurationError
    ├── mapping           MappingLengthMismatch MappingMissingIterable
    ├── pause             NotPausedError FlowPauseTimeout FlowRunWaitTimeout UnansweredPause
    ├── store             ObjectNotFound ObjectAlreadyExists StoreUnavailable StoreRefused
    └── data              SerializationError HashError
    PenstockSignal (BaseException: user code must not swallow these)
    ├── Abort  Pause  RunCancelled
    └── ExternalSignal ── TerminationSignal

Reference page: api-ref/python/prefect-exceptions. The documented root names are kept as aliases
(`PrefectException`, `PrefectSignal`). All of them survive pickling: they cross process boundaries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


class PenstockException(Exception):
    """Root of every ordinary error Penstock raises."""


PrefectException = PenstockException


class CrashedRun(PenstockException):
    """A run crashed and no exception object is attached to it."""


class FailedRun(PenstockException):
    """A run failed and no exception object is attached to it."""


class CancelledRun(PenstockException):
    """A run was cancelled, so it has no result."""


class PausedRun(PenstockException):
    """The result of a paused run was asked for."""

    def __init__(self, *args: object, state: Any = None) -> None:
        super().__init__(*args)
        self.state = state


class UnfinishedRun(PenstockException):
    """The result of a run that has not finished was asked for."""


class MissingResult(PenstockException):
    """A run finished but its result is neither in memory nor in result storage."""


class UpstreamTaskError(PenstockException):
    """A task could not start because a task it depends on did not complete."""


class MissingFlowError(PenstockException):
    """A given flow name or entrypoint was not found in the script."""


class UnspecifiedFlowError(PenstockException):
    """Several flows were found and none was named."""


class ScriptError(PenstockException):
    """A script raised while it was executed to look for flows."""

    def __init__(self, user_exc: BaseException, path: str) -> None:
        super().__init__(user_exc, path)
        self.user_exc = user_exc
        self.path = path

    def __str__(self) -> str:
        return f"Script at {self.path!r} raised {self.user_exc!r}"


class ParameterTypeError(PenstockException):
    """A flow parameter did not validate against its annotation."""

    @classmethod
    def from_validation_error(cls, exc: Any) -> ParameterTypeError:
        """Build the error from a pydantic `ValidationError`, one line a field."""
        lines = [
            f"{'.'.join(str(part) for part in error['loc']) or 'value'}: {error['msg']}"
            for error in exc.errors(include_url=False)
        ]
        return cls("Flow run received invalid parameters:\n - " + "\n - ".join(lines))


class ParameterBindError(TypeError, PenstockException):
    """The arguments of a call do not fit the signature."""

    @classmethod
    def from_bind_failure(
        cls, fn: Any, exc: TypeError, call_args: Iterable[Any], call_kwargs: Mapping[str, Any]
    ) -> ParameterBindError:
        """Describe a failed `Signature.bind` together with what was passed."""
        import inspect

        name = getattr(fn, "__name__", repr(fn))
        return cls(
            f"Error binding parameters for function '{name}': {exc}.\nFunction '{name}' has signature "
            f"'{inspect.signature(fn)}' but received args: {list(call_args)} and kwargs: {list(call_kwargs)}."
        )


class SignatureMismatchError(TypeError, PenstockException):
    """Parameters passed by name do not match the signature."""

    @classmethod
    def from_bad_params(
        cls, expected_params: list[str], provided_params: list[str]
    ) -> SignatureMismatchError:
        """Name what was expected and what was given."""
        return cls(f"Function expects parameters {expected_params} but was provided with {provided_params}")


class ReservedArgumentError(TypeError, PenstockException):
    """A function used a parameter name that Penstock itself needs (`return_state`, `wait_for`)."""


class InvalidNameError(ValueError, PenstockException):
    """A name holds characters that are not allowed there."""


class MissingContextError(RuntimeError, PenstockException):
    """Something that needs an active run was called outside one."""


class MissingProfileError(ValueError, PenstockException):
    """A settings profile does not exist."""


class ConfigurationError(PenstockException):
    """A setting or option has an unusable value."""


class MappingLengthMismatch(PenstockException):
    """The iterables given to `.map` have different lengths."""


class MappingMissingIterable(PenstockException):
    """`.map` was given nothing to iterate over."""


class NotPausedError(PenstockException):
    """A run that is not paused was asked to resume."""


class FlowPauseTimeout(PenstockException):
    """A pause ended without an answer in its time."""


class FlowRunWaitTimeout(PenstockException):
    """A flow run did not finish within the time given to wait for it."""


class UnansweredPause(PenstockException):
    """Nobody is there to answer a pause; the run stays Paused and can be resumed.

    Args:
        flow_run_id: the paused run.
        pause_key: the pause within that run.
        how: what to do next, with the exact command.
    """

    def __init__(self, flow_run_id: str, pause_key: str, how: str) -> None:
        super().__init__(flow_run_id, pause_key, how)
        self.flow_run_id = flow_run_id
        self.pause_key = pause_key
        self.how = how

    def __str__(self) -> str:
        return (
            f"Flow run {self.flow_run_id} waits for input at pause {self.pause_key!r} and nobody is here to "
            f"answer. The run is kept as Paused.\n{self.how}"
        )


class FlowRunTimeoutError(TimeoutError, PenstockException):
    """A flow run took longer than its `timeout_seconds`."""


class TaskRunTimeoutError(TimeoutError, PenstockException):
    """A task run took longer than its `timeout_seconds`."""


class ObjectNotFound(PenstockException):
    """The store has no such object (HTTP 404)."""

    def __init__(self, http_exc: Any = None, help_message: str | None = None, *args: Any) -> None:
        super().__init__(http_exc, help_message, *args)
        self.http_exc = http_exc
        self.help_message = help_message

    def __str__(self) -> str:
        return self.help_message or str(self.http_exc)


class ObjectAlreadyExists(ObjectNotFound):
    """The store already has such an object (HTTP 409)."""


class StoreUnavailable(PenstockException):
    """No store process could be reached or started for this workspace."""


class StoreRefused(PenstockException):
    """The store answered that it will not do what was asked.

    Args:
        status: the HTTP status code.
        reason: what the store said.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.reason} (HTTP {self.status})"


class SerializationError(PenstockException):
    """A value cannot be sent to a worker process or written as a result."""


class HashError(PenstockException):
    """An input cannot be hashed, so no cache key exists for it."""


class PenstockSignal(BaseException):
    """Root of the control signals; derives from BaseException so that user code cannot swallow it."""


PrefectSignal = PenstockSignal


class Abort(PenstockSignal):
    """The store refused a transition; the run must stop where it is."""


class Pause(PenstockSignal):
    """The run was suspended; its process must end."""

    def __init__(self, *args: object, state: Any = None) -> None:
        super().__init__(*args)
        self.state = state


class RunCancelled(PenstockSignal):
    """Raised inside user code when the run it belongs to is interrupted or cancelled."""


class ExternalSignal(PenstockSignal):
    """Root of signals that come from outside the process."""


class TerminationSignal(ExternalSignal):
    """The process was asked to terminate.

    Args:
        signal: the signal number.
    """

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.signal = signal


__all__ = [
    "Abort",
    "CancelledRun",
    "ConfigurationError",
    "CrashedRun",
    "ExternalSignal",
    "FailedRun",
    "FlowPauseTimeout",
    "FlowRunTimeoutError",
    "FlowRunWaitTimeout",
    "HashError",
    "InvalidNameError",
    "MappingLengthMismatch",
    "MappingMissingIterable",
    "MissingContextError",
    "MissingFlowError",
    "MissingProfileError",
    "MissingResult",
    "NotPausedError",
    "ObjectAlreadyExists",
    "ObjectNotFound",
    "ParameterBindError",
    "ParameterTypeError",
    "Pause",
    "PausedRun",
    "PenstockException",
    "PenstockSignal",
    "PrefectException",
    "PrefectSignal",
    "ReservedArgumentError",
    "RunCancelled",
    "ScriptError",
    "SerializationError",
    "SignatureMismatchError",
    "StoreRefused",
    "StoreUnavailable",
    "TaskRunTimeoutError",
    "TerminationSignal",
    "UnansweredPause",
    "UnfinishedRun",
    "UnspecifiedFlowError",
    "UpstreamTaskError",
]
