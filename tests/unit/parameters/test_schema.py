"""The schema of parameters, in the documented shape. Reference: advanced/form-building."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import warnings
from enum import Enum
from typing import Annotated, Any, Literal

import jsonschema
from pydantic import BaseModel, Field

from penstock import flow
from penstock.utilities.callables import (
    ParameterSchema,
    generate_parameter_schema,
    parameter_docstrings,
    parameter_schema,
)

MailingList = Literal["newsletter", "customers", "beta-testers"]


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class EmailContent(BaseModel):
    """What is sent."""

    subject: str = Field(max_length=30)
    body: str = Field(default=...)
    attachments: list[str] = Field(default_factory=list, max_length=5)
    urgent: bool = False


class Placed(BaseModel):
    first: str = Field(json_schema_extra={"position": 1})
    zero: str = Field(json_schema_extra={"position": 0})
    rest: str = ""


class Mine:
    """A class that pydantic knows nothing of."""


def properties(fn: Any) -> dict[str, Any]:
    return parameter_schema(fn).properties


def test_the_whole_schema_of_the_documented_example() -> None:
    @flow
    def send_marketing_email(
        mailing_lists: list[MailingList], content: EmailContent, test_mode: bool = False
    ):
        """
        Send a marketing email blast to the given lists.

        Args:
            mailing_lists: A list of lists to email.
            content: What to send,
                and to what.
            test_mode (bool): Whether to send a test email.
        """

    lists = {"type": "string", "enum": ["newsletter", "customers", "beta-testers"]}
    assert send_marketing_email.parameters.model_dump() == {
        "title": "Parameters",
        "type": "object",
        "properties": {
            "mailing_lists": {
                "title": "mailing_lists",
                "position": 0,
                "type": "array",
                "items": lists,
                "description": "A list of lists to email.",
            },
            "content": {
                "$ref": "#/definitions/EmailContent",
                "title": "content",
                "position": 1,
                "description": "What to send,\nand to what.",
            },
            "test_mode": {
                "title": "test_mode",
                "position": 2,
                "type": "boolean",
                "default": False,
                "description": "Whether to send a test email.",
            },
        },
        "required": ["mailing_lists", "content"],
        "definitions": {
            "EmailContent": {
                "title": "EmailContent",
                "description": "What is sent.",
                "type": "object",
                "properties": {
                    "attachments": {
                        "title": "Attachments",
                        "type": "array",
                        "items": {"type": "string"},
                        "maxItems": 5,
                    },
                    "urgent": {"title": "Urgent", "type": "boolean", "default": False},
                    "body": {"title": "Body", "type": "string"},
                    "subject": {"title": "Subject", "type": "string", "maxLength": 30},
                },
                "required": ["subject", "body"],
            }
        },
    }


def test_fields_of_a_model_with_a_default_come_first_then_by_name() -> None:
    schema = parameter_schema(lambda: None)
    assert schema.definitions == {}

    def work(content: EmailContent) -> None: ...

    fields = parameter_schema(work).definitions["EmailContent"]["properties"]
    assert list(fields) == ["attachments", "urgent", "body", "subject"]


def test_a_position_orders_the_fields_of_a_model() -> None:
    def work(placed: Placed) -> None: ...

    assert list(parameter_schema(work).definitions["Placed"]["properties"]) == ["zero", "first", "rest"]


def test_parameters_keep_the_order_of_the_signature() -> None:
    def work(z: int, a: int = 1, *rest: int, m: int, b: int = 2, **more: str) -> None: ...

    found = properties(work)
    assert [(name, found[name]["position"]) for name in found] == [
        ("z", 0), ("a", 1), ("rest", 2), ("m", 3), ("b", 4), ("more", 5),
    ]  # fmt: skip
    assert parameter_schema(work).required == ["z", "m"]
    assert found["rest"] == {"title": "rest", "position": 2, "type": "array", "items": {"type": "integer"}}
    assert found["more"]["additionalProperties"] == {"type": "string"}


def test_choices_are_enumerations() -> None:
    def work(word: Literal["a", "b"], color: Color = Color.RED, colors: list[Color] = ()) -> None: ...

    schema = parameter_schema(work)
    assert schema.properties["word"]["enum"] == ["a", "b"]
    assert schema.properties["color"] == {
        "$ref": "#/definitions/Color",
        "default": "red",
        "position": 1,
        "title": "color",
    }
    assert schema.properties["colors"]["items"] == {"$ref": "#/definitions/Color"}
    assert schema.definitions["Color"]["enum"] == ["red", "blue"]


def test_fields_on_parameters_describe_them() -> None:
    def work(
        x: Annotated[int, Field(ge=1, description="how many", title="Count")] = 2,
        y: int = Field(default=3, le=9, description="how few", json_schema_extra={"unit": "m"}),
    ) -> None:
        """Work.

        Args:
            x: said in the docstring.
        """

    assert properties(work) == {
        "x": {"title": "Count", "description": "how many", "type": "integer", "minimum": 1, "default": 2, "position": 0},
        "y": {"title": "y", "description": "how few", "type": "integer", "maximum": 9, "default": 3, "position": 1, "unit": "m"},
    }  # fmt: skip


def test_types_without_a_schema_allow_anything() -> None:
    def work(mine: Mine, many: list[Mine], bare, number: int) -> None: ...

    assert properties(work) == {
        "mine": {"title": "mine", "position": 0},
        "many": {"title": "many", "position": 1, "type": "array", "items": {}},
        "bare": {"title": "bare", "position": 2},
        "number": {"title": "number", "position": 3, "type": "integer"},
    }


def test_a_default_that_is_not_json_is_left_out_quietly() -> None:
    def work(x: Any = object(), y: int = 1) -> None: ...

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schema = parameter_schema(work)

    assert schema.properties["x"] == {"title": "x", "position": 0}
    assert schema.required == []


def test_the_schema_judges_what_the_flow_would_take() -> None:
    def work(content: EmailContent, count: int = 1, *rest: int) -> None: ...

    schema = parameter_schema(work).model_dump()
    fine = {"content": {"subject": "s", "body": "b"}, "rest": [1]}
    jsonschema.validate(fine, schema)
    wrong = [
        error.json_path
        for error in jsonschema.Draft7Validator(schema).iter_errors(
            {"content": {"subject": "s"}, "count": "x"}
        )
    ]
    assert wrong == ["$.content", "$.count"]


def test_it_is_an_object_with_attributes_and_two_dumps() -> None:
    schema = flow(lambda x=1: x).parameters

    assert isinstance(schema, ParameterSchema)
    assert (schema.title, schema.type, schema.required, schema.definitions) == (
        "Parameters",
        "object",
        [],
        {},
    )
    assert "required" not in schema.model_dump_for_openapi()
    assert schema.model_dump()["required"] == []
    assert json.loads(schema.model_dump_json()) == schema.model_dump()


def test_it_is_made_from_a_signature_alone() -> None:
    signature = inspect.Signature([inspect.Parameter("x", inspect.Parameter.KEYWORD_ONLY, annotation=int)])

    made = generate_parameter_schema(signature, {"x": "the x"})

    assert made.properties == {"x": {"title": "x", "position": 0, "type": "integer", "description": "the x"}}


def test_a_flow_makes_its_schema_when_it_is_asked_for() -> None:
    code = (
        "import sys\nfrom penstock import flow\nf = flow(lambda x=1: x)\nbefore = 'pydantic' in sys.modules\n"
        "f.parameters\nprint(before, 'pydantic' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )

    assert done.stdout.split() == ["False", "True"]


def test_google_style_sections_are_read() -> None:
    text = """Do it.

    Args:
        x: one
          two
        y (dict[str, int], optional): three: four
        *rest: five
        a, b: both

    Returns:
        z: not a parameter.

    Keyword Args:
        k: six
    """

    assert parameter_docstrings(text) == {
        "x": "one\ntwo", "y": "three: four", "rest": "five", "a": "both", "b": "both", "k": "six",
    }  # fmt: skip
    assert parameter_docstrings(None) == parameter_docstrings("No sections here: none.") == {}
