"""What source text alone says of a function, and how scripts, modules and objects are imported."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from penstock.exceptions import ScriptError
from penstock.utilities.callables import parameter_schema, parameter_schema_from_entrypoint
from penstock.utilities.importtools import (
    import_object,
    load_module,
    load_script_as_module,
    safe_load_namespace,
)

SOURCE = '''
from __future__ import annotations
import missing_of_source
from typing import TYPE_CHECKING, Annotated, Literal
from enum import Enum
from pydantic import BaseModel, Field
if TYPE_CHECKING:
    from decimal import Decimal

class Color(Enum):
    RED = "red"

class City(BaseModel):
    "A city."
    name: str
    people: int = 0

LIMIT = 5

@missing_of_source.decorate
def work(
    city: City, word: Literal["a", "b"], price: Decimal, /, color: Color = Color.RED, *rest: int,
    count: Annotated[int, Field(ge=1)] = LIMIT, frame: missing_of_source.Frame = missing_of_source.NOTHING,
    many: list[City] | None = None, **more: str,
) -> None:
    """Work.

    Args:
        city: where
        count: how many
    """

class Office:
    def method(self, x: int = 1): ...
    @staticmethod
    def static(x: int): ...
'''


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "text_of_source.py"
    path.write_text(SOURCE)
    return path


def test_a_schema_comes_from_source_text_when_imports_are_missing(file) -> None:
    """Section 4 (c) 4."""
    schema = parameter_schema_from_entrypoint("text_of_source.py:work")

    assert schema.model_dump() == {
        "title": "Parameters",
        "type": "object",
        "properties": {
            "city": {"$ref": "#/definitions/City", "title": "city", "position": 0, "description": "where"},
            "word": {"title": "word", "position": 1, "type": "string", "enum": ["a", "b"]},
            "price": {
                "title": "price",
                "position": 2,
                "anyOf": schema.properties["price"]["anyOf"],
            },
            "color": {"$ref": "#/definitions/Color", "title": "color", "position": 3, "default": "red"},
            "rest": {"title": "rest", "position": 4, "type": "array", "items": {"type": "integer"}},
            "count": {
                "title": "count",
                "position": 5,
                "type": "integer",
                "minimum": 1,
                "default": 5,
                "description": "how many",
            },
            "frame": {"title": "frame", "position": 6},
            "many": {
                "title": "many",
                "position": 7,
                "default": None,
                "anyOf": [{"type": "array", "items": {"$ref": "#/definitions/City"}}, {"type": "null"}],
            },
            "more": {
                "title": "more",
                "position": 8,
                "type": "object",
                "additionalProperties": {"type": "string"},
            },
        },
        "required": ["city", "word", "price"],
        "definitions": schema.definitions,
    }
    assert sorted(schema.definitions) == ["City", "Color"]


def test_a_schema_from_source_is_the_one_of_the_function(file) -> None:
    text = SOURCE.replace("import missing_of_source", "import types as missing_of_source").replace(
        "@missing_of_source.decorate", ""
    )
    file.write_text(text.replace("missing_of_source.Frame", "int").replace("missing_of_source.NOTHING", "2"))

    from_source = parameter_schema_from_entrypoint("text_of_source.py:work")

    loaded = import_object("text_of_source.py:work")
    loaded.__globals__["Decimal"] = __import__("decimal").Decimal
    assert from_source == parameter_schema(loaded)


def test_a_method_is_described_without_its_first_parameter(file) -> None:
    assert list(parameter_schema_from_entrypoint("text_of_source.py:Office.method").properties) == ["x"]
    assert parameter_schema_from_entrypoint("text_of_source.Office.static").required == ["x"]


def test_a_namespace_holds_what_could_be_defined(file) -> None:
    names = safe_load_namespace(SOURCE, str(file))

    assert names["LIMIT"] == 5
    assert names["City"](name="x").people == 0
    assert not {"missing_of_source", "work"} & set(names)


def test_a_namespace_is_made_without_calls_and_guarded_code(tmp_path) -> None:
    marker = tmp_path / "ran"
    source = f"""
try:
    import nothing_at_all, json
except ImportError:
    json = None
open({str(marker)!r}, "w")
if __name__ == "__main__":
    GUARDED = 1
else:
    OTHER = 2
LAST = 1 / 0
NEXT = 3
"""
    names = safe_load_namespace(source)

    assert not marker.exists()
    assert {"GUARDED", "OTHER", "LAST", "NEXT", "json"} & set(names) == {"NEXT", "json"}


def test_scripts_see_what_is_beside_them(tmp_path) -> None:
    (tmp_path / "beside_of_source.py").write_text("VALUE = 1\n")
    (tmp_path / "script.py").write_text("import beside_of_source\nVALUE = beside_of_source.VALUE + 1\n")

    module = load_script_as_module(str(tmp_path / "script.py"))

    assert module.VALUE == 2
    assert str(tmp_path) not in sys.path
    del sys.modules["beside_of_source"]


def test_a_script_that_raises_is_wrapped(tmp_path) -> None:
    (tmp_path / "script.py").write_text("1 / 0\n")

    with pytest.raises(ScriptError) as caught:
        load_script_as_module(str(tmp_path / "script.py"))
    assert (type(caught.value.user_exc), caught.value.path) == (
        ZeroDivisionError,
        str(tmp_path / "script.py"),
    )


def test_objects_are_imported_by_every_form_of_path(file, tmp_path) -> None:
    (tmp_path / "objects_of_source.py").write_text("class A:\n    class B:\n        x = 1\n")

    assert import_object("objects_of_source.A").__name__ == "A"
    assert import_object("objects_of_source:A.B").x == 1
    assert import_object(f"{tmp_path}/objects_of_source.py:A.B.x") == 1
    assert load_module("objects_of_source").A.B.x == 1
    with pytest.raises(AttributeError, match="nothing"):
        import_object("objects_of_source:nothing")
    del sys.modules["objects_of_source"]


def test_modules_of_a_package_do_not_shadow_the_standard_library(tmp_path, monkeypatch) -> None:
    package = tmp_path / "pack_of_source"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "colorsys.py").write_text("raise RuntimeError('the wrong one')\n")
    (package / "work.py").write_text("import colorsys\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)

    assert "rgb_to_hsv" in dir(load_module("pack_of_source.work").colorsys)
    for name in ("pack_of_source", "pack_of_source.work"):
        del sys.modules[name]
