"""Every error crosses process boundaries with its fields."""

from __future__ import annotations

import inspect
import pickle

import pytest

from penstock import exceptions
from penstock.exceptions import (
    ObjectAlreadyExists,
    ObjectNotFound,
    ParameterBindError,
    Pause,
    PausedRun,
    PenstockException,
    PenstockSignal,
    ScriptError,
    StoreRefused,
    TerminationSignal,
    UnansweredPause,
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
    StoreRefused: StoreRefused(409, "gap"),
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
        ("FlowRunTimeoutError", TimeoutError),
        ("TaskRunTimeoutError", TimeoutError),
    ],
)
def test_errors_with_a_builtin_meaning_are_that_too(name, base) -> None:
    assert issubclass(getattr(exceptions, name), base)


def test_the_documented_root_names_are_there() -> None:
    assert exceptions.PrefectException is PenstockException
    assert exceptions.PrefectSignal is PenstockSignal


def test_a_failed_bind_names_the_function_and_what_it_got() -> None:
    def add(x: int, y: int) -> int:
        return x + y

    error = ParameterBindError.from_bind_failure(add, TypeError("missing a required argument: 'y'"), [1], {})

    assert str(error) == (
        "Error binding parameters for function 'add': missing a required argument: 'y'.\n"
        "Function 'add' has signature '(x: 'int', y: 'int') -> 'int'' but received args: [1] and kwargs: []."
    )
