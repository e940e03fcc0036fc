"""Types of input a run can wait for, and the keys their parts are stored under.

Reference pages: advanced/interactive, api-ref prefect-input-run_input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from penstock._values.states import State

if TYPE_CHECKING:
    from pydantic import BaseModel


class Question(NamedTuple):
    """What is asked: a model, its JSON schema, how it is introduced, and whether the answer is a bare value."""

    model: type[BaseModel]
    schema: dict[str, Any]
    title: str
    description: str | None
    bare: bool


def question_of(kind: Any) -> Question:
    """Return what `wait_for_input` asks for.

    Args:
        kind: a pydantic model (or `RunInput`) class, or any type pydantic understands, such as ``int``.

    Raises:
        TypeError: it is none of these.
    """
    from pydantic import BaseModel, create_model

    bare = not (isinstance(kind, type) and issubclass(kind, BaseModel))
    if bare:
        name = getattr(kind, "__name__", str(kind))
        try:
            model: type[BaseModel] = create_model(f"{name.title()}Input", value=(kind, ...))
        except Exception as error:
            raise TypeError(
                f"wait_for_input={kind!r} is neither a pydantic model nor a type: {error}"
            ) from error
    else:
        model = kind
    schema = model.model_json_schema()
    description = getattr(model, "_description", None)
    if not isinstance(description, str):
        description = schema.get("description")
    return Question(model, schema, schema.get("title", model.__name__), description, bare)


def keyset_from_base_key(base: str) -> dict[str, str]:
    """Return the keys of the parts of an input: description, response, schema."""
    return {part: f"{base}-{part}" for part in ("description", "response", "schema")}


def keyset_from_paused_state(state: State) -> dict[str, str]:
    """Return the keys a paused (or suspended) state's input is stored under.

    Raises:
        RuntimeError: the state is not a pause.
    """
    if not state.is_paused():
        raise RuntimeError(f"{state.type.value!r} is unsupported.")
    return keyset_from_base_key(f"{state.name.lower()}-{state.state_details.pause_key}")


def field_errors(error: Any) -> dict[str, str]:
    """Return the messages of a pydantic `ValidationError` by field path (``"carriers.0"``)."""
    return {
        ".".join(str(part) for part in item["loc"]): item["msg"] for item in error.errors(include_url=False)
    }
