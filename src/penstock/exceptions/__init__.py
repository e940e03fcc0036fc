"""Every error Penstock raises.

    PenstockException
    ├── run outcomes      CrashedRun FailedRun CancelledRun PausedRun UnfinishedRun MissingResult UpstreamTaskError
    ├── definition        MissingFlowError UnspecifiedFlowError ScriptError ParameterTypeError ParameterBindError
    │                     SignatureMismatchError ReservedArgumentError InvalidNameError
    ├── context, settings MissingContextError MissingProfileError ConfigurationError ProfileSettingsValidationError
    │                     PenstockImportError
    ├── mapping           MappingLengthMismatch MappingMissingIterable
    ├── pause             NotPausedError FlowPauseTimeout FlowRunWaitTimeout UnansweredPause
    ├── blocks            BlockMissingCapabilities ProtectedBlockError InvalidRepositoryURLError
    ├── infrastructure    InfrastructureError ── InfrastructureNotFound InfrastructureNotAvailable
    ├── store, API        ObjectNotFound ObjectAlreadyExists ObjectLimitReached ObjectUnsupported StoreUnavailable
    │                     StoreRefused EventTooLarge
    └── data              SerializationError HashError
    PenstockSignal (BaseException: user code must not swallow these)
    ├── Abort  Pause  RunCancelled
    └── ExternalSignal ── TerminationSignal
    UserWarning ── TruncatedWarning
    httpx.HTTPStatusError ── PenstockHTTPStatusError (httpx is loaded when it is first asked for)

Reference page: api-ref/python/prefect-exceptions. The documented names with another spelling are kept as aliases
(`PrefectException`, `PrefectSignal`, `PrefectImportError`, `PrefectHTTPStatusError`). All of them survive pickling:
they cross process boundaries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from penstock.exceptions._root import PenstockException as PenstockException
from penstock.exceptions._signals import Abort as Abort
from penstock.exceptions._signals import ExternalSignal as ExternalSignal
from penstock.exceptions._signals import Pause as Pause
from penstock.exceptions._signals import PenstockSignal as PenstockSignal
from penstock.exceptions._signals import PrefectSignal as PrefectSignal
from penstock.exceptions._signals import RunCancelled as RunCancelled
from penstock.exceptions._signals import TerminationSignal as TerminationSignal
from penstock.exceptions._store import EventTooLarge as EventTooLarge
from penstock.exceptions._store import ObjectAlreadyExists as ObjectAlreadyExists
from penstock.exceptions._store import ObjectLimitReached as ObjectLimitReached
from penstock.exceptions._store import ObjectNotFound as ObjectNotFound
from penstock.exceptions._store import ObjectUnsupported as ObjectUnsupported
from penstock.exceptions._store import StoreRefused as StoreRefused
from penstock.exceptions._store import StoreUnavailable as StoreUnavailable
from penstock.exceptions._store import TruncatedWarning as TruncatedWarning

if TYPE_CHECKING:
    from penstock.exceptions._http import PenstockHTTPStatusError as PenstockHTTPStatusError
    from penstock.exceptions._http import PenstockHTTPStatusError as PrefectHTTPStatusError

PrefectException = PenstockException


def exception_traceback(exc: BaseException) -> str:
    """Return an exception as text, with its traceback and its causes.

    Args:
        exc: the exception.

    Example:
        >>> print(exception_traceback(ValueError("no")).strip())
        ValueError: no
    """
    import traceback

    return "".join(traceback.TracebackException.from_exception(exc).format())


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


class ProfileSettingsValidationError(PenstockException):
    """Settings of a profile do not validate.

    Args:
        errors: pairs of the setting and what is wrong with its value.
    """

    def __init__(self, errors: Sequence[tuple[Any, Any]]) -> None:
        super().__init__(errors)
        self.errors = list(errors)

    def __str__(self) -> str:
        lines = [f"{getattr(setting, 'name', setting)}: {error}" for setting, error in self.errors]
        return "Settings of the profile are invalid:\n - " + "\n - ".join(lines)


class PenstockImportError(ImportError, PenstockException):
    """A documented object was moved or removed."""


PrefectImportError = PenstockImportError


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


class BlockMissingCapabilities(PenstockException):
    """A block cannot do what it was asked for."""


class ProtectedBlockError(PenstockException):
    """A block that is protected was to be changed or deleted."""


class InvalidRepositoryURLError(PenstockException):
    """The URL given for a repository cannot be one."""


class InfrastructureError(PenstockException):
    """Root of the errors of what runs are started on."""


class InfrastructureNotFound(InfrastructureError):
    """What a run was started on is not there: it ended, or was deleted."""


class InfrastructureNotAvailable(InfrastructureError):
    """What a run was started on cannot be reached from this machine."""


class FlowRunTimeoutError(TimeoutError, PenstockException):
    """A flow run took longer than its `timeout_seconds`."""


class TaskRunTimeoutError(TimeoutError, PenstockException):
    """A task run took longer than its `timeout_seconds`."""


class SerializationError(PenstockException):
    """A value cannot be sent to a worker process or written as a result."""


class HashError(PenstockException):
    """An input cannot be hashed, so no cache key exists for it."""


for _moved in [kind for kind in vars().values() if isinstance(kind, type)]:
    if _moved.__module__.startswith("penstock.exceptions."):
        _moved.__module__ = __name__  # shown in tracebacks and written into pickles: the door, not the room


def __getattr__(name: str) -> Any:
    if name in ("PenstockHTTPStatusError", "PrefectHTTPStatusError"):
        from penstock.exceptions._http import PenstockHTTPStatusError

        return PenstockHTTPStatusError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Abort",
    "BlockMissingCapabilities",
    "CancelledRun",
    "ConfigurationError",
    "CrashedRun",
    "EventTooLarge",
    "ExternalSignal",
    "FailedRun",
    "FlowPauseTimeout",
    "FlowRunTimeoutError",
    "FlowRunWaitTimeout",
    "HashError",
    "InfrastructureError",
    "InfrastructureNotAvailable",
    "InfrastructureNotFound",
    "InvalidNameError",
    "InvalidRepositoryURLError",
    "MappingLengthMismatch",
    "MappingMissingIterable",
    "MissingContextError",
    "MissingFlowError",
    "MissingProfileError",
    "MissingResult",
    "NotPausedError",
    "ObjectAlreadyExists",
    "ObjectLimitReached",
    "ObjectNotFound",
    "ObjectUnsupported",
    "ParameterBindError",
    "ParameterTypeError",
    "Pause",
    "PausedRun",
    "PenstockException",
    "PenstockHTTPStatusError",
    "PenstockImportError",
    "PenstockSignal",
    "PrefectException",
    "PrefectHTTPStatusError",
    "PrefectImportError",
    "PrefectSignal",
    "ProfileSettingsValidationError",
    "ProtectedBlockError",
    "ReservedArgumentError",
    "RunCancelled",
    "ScriptError",
    "SerializationError",
    "SignatureMismatchError",
    "StoreRefused",
    "StoreUnavailable",
    "TaskRunTimeoutError",
    "TerminationSignal",
    "TruncatedWarning",
    "UnansweredPause",
    "UnfinishedRun",
    "UnspecifiedFlowError",
    "UpstreamTaskError",
    "exception_traceback",
]
