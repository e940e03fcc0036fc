"""Resuming a paused flow run over REST: the input is validated first, then everything happens in one step."""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson

from penstock._rules.flow_policy import Decision
from penstock._store import decisions
from penstock._store.core import Core
from penstock._store.live import LiveRun
from penstock._values.states import State, StateType


def resume(core: Core, run_id: str, run_input: Any) -> decisions.Verdict | dict[str, Any]:
    """Resume a run; called on a request's thread, since validating may take long.

    Returns the verdict, or the whole answer when the input was refused (then nothing has changed).

    Raises:
        Refused: 404, there is no such run.
    """
    while True:
        run, state, inputs = core.call(lambda c: _look(c.run(run_id))).result()
        if state is None or state.type is not StateType.PAUSED:
            name = state.name if state is not None else "without a state"
            decision = Decision("ABORT", None, f"Cannot resume flow run {run_id}: it is {name}, not paused.")
            return decisions.Verdict(decision, run, None, False, run.run_count)
        keyset = state.state_details.run_input_keyset
        response: tuple[str, str] | None = None
        if keyset:
            given = {} if run_input is None else run_input
            problems = check(inputs.get(keyset.get("schema", "")), given)
            if problems:
                reason = "Run input validation failed:\n" + "\n".join(f" - {problem}" for problem in problems)
                return {
                    "state": None,
                    "status": "REJECT",
                    "details": {"type": "abort_details", "reason": reason},
                }
            response = (keyset.get("response", "response"), orjson.dumps(given).decode())
        proposal = partial(decisions.resume, run_id=run_id, paused_id=state.id, response=response)
        verdict = core.call(proposal).result()
        if verdict is not None:
            return verdict


def _look(run: LiveRun) -> tuple[LiveRun, State | None, dict[str, str | None]]:
    return run, run.state, dict(run.inputs)


def check(schema_text: str | None, given: Any) -> list[str]:
    """Return what is wrong with an input, one line a field; nothing when it fits or no schema was stored."""
    if schema_text is None:
        return []
    try:
        schema = orjson.loads(schema_text)
    except orjson.JSONDecodeError:
        return ["the stored schema of this pause cannot be read"]
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    # An empty registry: a schema must not make the store fetch anything.
    validator = Draft202012Validator(schema, registry=Registry())
    try:
        Draft202012Validator.check_schema(schema)
        errors = sorted(
            validator.iter_errors(given), key=lambda error: [str(part) for part in error.absolute_path]
        )
    except (SchemaError, Unresolvable) as error:
        return [f"the stored schema of this pause is not usable: {str(error).splitlines()[0]}"]
    return [f"{_where(error)}{error.message}" for error in errors]


def _where(error: Any) -> str:
    path = ".".join(str(part) for part in error.absolute_path)
    return f"{path}: " if path else ""
