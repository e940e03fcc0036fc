"""The compatibility page is generated, up to date, and names tests that exist."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def compatibility() -> ModuleType:
    """Load the script as a module."""
    spec = importlib.util.spec_from_file_location(
        "compatibility_script", ROOT / "scripts" / "compatibility.py"
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_page_is_up_to_date(compatibility: ModuleType) -> None:
    assert compatibility.PAGE.read_text() == compatibility.render(compatibility.load())


def test_named_tests_exist(compatibility: ModuleType) -> None:
    assert compatibility.missing_tests(compatibility.load()) == []


def test_features_are_listed_once(compatibility: ModuleType) -> None:
    rows = [(s.part, s.title, row.feature) for s in compatibility.load() for row in s.rows]
    assert len(rows) > 200
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize(
    ("identifier", "exists"),
    [
        ("tests/packaging/test_compatibility.py::test_page_is_up_to_date", True),
        ("tests/packaging/test_compatibility.py::test_nothing_like_it", False),
        ("tests/packaging/nowhere.py::test_page_is_up_to_date", False),
        ("tests/packaging/test_compatibility.py", False),
    ],
)
def test_a_missing_test_is_seen(compatibility: ModuleType, identifier: str, *, exists: bool) -> None:
    assert compatibility.test_exists(identifier) is exists


@pytest.mark.parametrize(
    ("tests", "names", "missing", "status"),
    [
        ((), ("penstock.exceptions",), "", "not yet"),
        (("a::b",), ("penstock.exceptions", "json.dumps"), "", "works"),
        (("a::b",), ("penstock.exceptions.NoSuchName",), "", "partly"),
        (("a::b",), ("penstock_no_such_package",), "", "partly"),
        (("a::b",), (), "only on Sundays", "partly"),
    ],
)
def test_status_needs_a_test_and_every_name(
    compatibility: ModuleType, tests: tuple[str, ...], names: tuple[str, ...], missing: str, status: str
) -> None:
    assert compatibility.Row("x", names, tests, missing).status() == status
