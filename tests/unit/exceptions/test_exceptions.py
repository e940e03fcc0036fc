"""Every error crosses process boundaries with its fields."""

from __future__ import annotations

import inspect
import pickle

import httpx
import pydantic
import pytest

from penstock import exceptions
from penstock.exceptions import (
    EventTooLarge,
    InfrastructureError,
    InfrastructureNotAvailable,
    InfrastructureNotFound,
    ObjectAlreadyExists,
    ObjectLimitReached,
    ObjectNotFound,
    ObjectUnsupported,
    ParameterBindError,
    ParameterTypeError,
    Pause,
    PausedRun,
    PenstockException,
    PenstockSignal,
    PrefectHTTPStatusError,
    ProfileSettingsValidationError,
    ScriptError,
    SignatureMismatchError,
    StoreRefused,
    TerminationSignal,
    UnansweredPause,
    exception_traceback,
)

CLASSES = sorted(
    (
        value
        for value in vars(exceptions).values()
        if inspect.isclass(value) and issubclass(value, (PenstockException, PenstockSignal))
    ),
    key=lambda kind: kind.__name__,
)
MADE = {
    ScriptError: ScriptError(ValueError("v"), "script.py"),
    UnansweredPause: UnansweredPause("run-1", "1", "Resume it."),
    ObjectNotFound: ObjectNotFound(None, "No such run.", 7),
    ObjectAlreadyExists: ObjectAlreadyExists("http", "There already."),
    ObjectLimitReached: ObjectLimitReached("403 Forbidden"),
    ObjectUnsupported: ObjectUnsupported("403 Forbidden", "Not here."),
    StoreRefused: StoreRefused(409, "gap"),
    EventTooLarge: EventTooLarge(3),
    ProfileSettingsValidationError: ProfileSettingsValidationError([("PENSTOCK_HOME", "no folder")]),
    TerminationSignal: TerminationSignal(15),
    PausedRun: PausedRun("paused", state="the state"),
    Pause: Pause("suspended", state="the state"),
}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_survives_pickling_with_its_fields(kind) -> None:
    error = MADE.get(kind) or kind("what happened", 3)
    error.add_note("a note")

    back = pickle.loads(pickle.dumps(error))

    assert (type(back), str(back), repr(back.args)) == (kind, str(error), repr(error.args))
    assert repr(vars(back)) == repr(vars(error))


def test_signals_pass_through_except_exception() -> None:
    signals = [kind for kind in CLASSES if issubclass(kind, PenstockSignal)]

    assert [kind.__name__ for kind in signals if issubclass(kind, Exception)] == []
    assert [kind for kind in CLASSES if kind not in signals and not issubclass(kind, Exception)] == []


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("ParameterBindError", TypeError),
        ("SignatureMismatchError", TypeError),
        ("ReservedArgumentError", TypeError),
        ("InvalidNameError", ValueError),
        ("MissingContextError", RuntimeError),
        ("MissingProfileError", ValueError),
        ("PrefectImportError", ImportError),
        ("PrefectHTTPStatusError", httpx.HTTPStatusError),
        ("PrefectSignal", BaseException),
        ("ExternalSignal", BaseException),
        ("FlowRunTimeoutError", TimeoutError),
        ("TaskRunTimeoutError", TimeoutError),
    ],
)
def test_errors_with_a_builtin_meaning_are_that_too(name, base) -> None:
    assert issubclass(getattr(exceptions, name), base)


@pytest.mark.parametrize(
    ("ours", "documented"),
    [
        (PenstockException, exceptions.PrefectException),
        (PenstockSignal, exceptions.PrefectSignal),
        (exceptions.PenstockImportError, exceptions.PrefectImportError),
        (exceptions.PenstockHTTPStatusError, exceptions.PrefectHTTPStatusError),
    ],
)
def test_the_documented_root_names_are_there(ours, documented) -> None:
    assert documented is ours


def test_an_object_that_is_there_already_is_not_one_that_is_missing() -> None:
    kinds = [ObjectNotFound, ObjectAlreadyExists, ObjectLimitReached, ObjectUnsupported]

    assert [(a, b) for a in kinds for b in kinds if a is not b and issubclass(a, b)] == []
    assert str(ObjectAlreadyExists("409 Conflict")) == "409 Conflict"
    assert ObjectNotFound("404", help_message="No such flow.").http_exc == "404"


def _http_error(**answer):
    request = httpx.Request("POST", "http://localhost/api/flows/")
    response = httpx.Response(422, request=request, **answer)
    return httpx.HTTPStatusError("Unprocessable", request=request, response=response)


def test_an_http_error_tells_what_the_api_said() -> None:
    error = PrefectHTTPStatusError.from_httpx_error(_http_error(json={"detail": "no name"}))

    assert str(error) == "Unprocessable\nResponse: {'detail': 'no name'}"
    assert (error.response.status_code, error.request.method) == (422, "POST")
    assert str(PrefectHTTPStatusError.from_httpx_error(_http_error(text="<html>"))) == "Unprocessable"


def test_an_http_error_survives_pickling() -> None:
    error = PrefectHTTPStatusError.from_httpx_error(_http_error(json={"detail": "no name"}))

    back = pickle.loads(pickle.dumps(error))

    assert (type(back), str(back)) == (PrefectHTTPStatusError, str(error))
    assert (back.response.json(), back.request.url) == ({"detail": "no name"}, error.request.url)


def test_infrastructure_errors_have_one_root() -> None:
    assert issubclass(InfrastructureNotFound, InfrastructureError)
    assert issubclass(InfrastructureNotAvailable, InfrastructureError)


def test_messages_are_made_of_fields() -> None:
    bad = ProfileSettingsValidationError([("PENSTOCK_API_URL", "not a URL")])

    assert str(bad) == "Settings of the profile are invalid:\n - PENSTOCK_API_URL: not a URL"
    assert str(EventTooLarge(2_000_000)).startswith("Event is too large to emit (2000000 bytes)")
    assert str(SignatureMismatchError.from_bad_params(["x"], ["y"])) == (
        "Function expects parameters ['x'] but was provided with ['y']"
    )


def test_an_exception_as_text_has_its_traceback_and_cause() -> None:
    def fail():
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error

    with pytest.raises(ValueError, match="outer") as caught:
        fail()

    text = exception_traceback(caught.value)
    assert text.startswith("Traceback (most recent call last):\n")
    assert "KeyError: 'inner'" in text
    assert text.endswith("ValueError: outer\n")


def test_a_validation_error_names_each_field() -> None:
    class Form(pydantic.BaseModel):
        x: int

    with pytest.raises(pydantic.ValidationError) as caught:
        Form(x="five")

    error = ParameterTypeError.from_validation_error(caught.value)
    assert str(error).startswith(
        "Flow run received invalid parameters:\n - x: Input should be a valid integer"
    )


def test_a_failed_bind_names_the_function_and_what_it_got() -> None:
    def add(x: int, y: int) -> int:
        return x + y

    error = ParameterBindError.from_bind_failure(add, TypeError("missing a required argument: 'y'"), [1], {})

    assert str(error) == (
        "Error binding parameters for function 'add': missing a required argument: 'y'.\n"
        "Function 'add' has signature '(x: 'int', y: 'int') -> 'int'' but received args: [1] and kwargs: []."
    )


#: Every documented error by its root; what users write after `except` stays what it is.
ORDINARY = [
    exceptions.CrashedRun,
    exceptions.FailedRun,
    exceptions.CancelledRun,
    exceptions.PausedRun,
    exceptions.UnfinishedRun,
    exceptions.MissingResult,
    exceptions.UpstreamTaskError,
    exceptions.MissingFlowError,
    exceptions.UnspecifiedFlowError,
    exceptions.ScriptError,
    exceptions.ParameterTypeError,
    exceptions.ParameterBindError,
    exceptions.SignatureMismatchError,
    exceptions.ReservedArgumentError,
    exceptions.InvalidNameError,
    exceptions.ObjectNotFound,
    exceptions.ObjectAlreadyExists,
    exceptions.ObjectLimitReached,
    exceptions.ObjectUnsupported,
    exceptions.EventTooLarge,
    exceptions.MissingContextError,
    exceptions.MissingProfileError,
    exceptions.ConfigurationError,
    exceptions.ProfileSettingsValidationError,
    exceptions.PrefectImportError,
    exceptions.MappingLengthMismatch,
    exceptions.MappingMissingIterable,
    exceptions.BlockMissingCapabilities,
    exceptions.ProtectedBlockError,
    exceptions.InvalidRepositoryURLError,
    exceptions.InfrastructureError,
    exceptions.NotPausedError,
    exceptions.FlowPauseTimeout,
    exceptions.FlowRunWaitTimeout,
    exceptions.SerializationError,
    exceptions.HashError,
]
SIGNALS = [exceptions.Abort, exceptions.Pause, exceptions.ExternalSignal, exceptions.TerminationSignal]


def test_every_documented_error_has_its_documented_root() -> None:
    assert [kind for kind in ORDINARY if not issubclass(kind, exceptions.PrefectException)] == []
    assert [kind for kind in SIGNALS if not issubclass(kind, exceptions.PrefectSignal)] == []
    assert {kind.__module__ for kind in (*ORDINARY, *SIGNALS)} == {"penstock.exceptions"}
