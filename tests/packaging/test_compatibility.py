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


@pytest.fixture(scope="module")
def names(compatibility: ModuleType) -> ModuleType:
    """Load the part about names; rendering the page has imported it."""
    compatibility.names_part()
    return sys.modules["reference_names"]


def test_every_documented_name_has_a_row(names: ModuleType) -> None:
    modules, makers = names.load()
    page = "\n".join(names.render())
    assert sum(len(entries) for entries in modules.values()) > 1000
    assert [module for module in modules if f"### `{module}`\n" not in page] == []
    assert {maker.rpartition(".")[0] for maker in makers} <= modules.keys()


_SAMPLE = """
from penstock import flow as f
from penstock.futures import PenstockFuture, PrefectConcurrentFuture
from penstock.states import Completed, Failed, StateGroup, raise_state_exception

@f
def helper():
    return Completed()

def test_one():
    helper.with_options(name="x")

def test_two():
    group = StateGroup([])
    group.counts_message
    "from penstock.states import Late"

def test_three():
    list[PenstockFuture]

def test_four():
    PrefectConcurrentFuture().wrapped_future
"""


@pytest.mark.parametrize(
    ("module", "owner", "method", "test"),
    [
        ("states", "Completed", "", "test_one"),
        ("states", "Failed", "", ""),  # imported, never used
        ("states", "StateGroup", "counts_message", "test_two"),
        ("states", "StateGroup", "all_final", ""),  # nobody reads it
        ("states", "StateGroup", "with_options", ""),  # not a method of it
        ("states", "Late", "", ""),  # a program that mentions nothing but the import
        ("futures", "PrefectFuture", "", "test_three"),
        ("flows", "Flow", "with_options", "test_one"),
        ("futures", "PrefectWrappedFuture", "wrapped_future", "test_four"),  # inherited unchanged
        ("futures", "PrefectFuture", "wrapped_future", ""),
        ("states", "NoSuchName", "", ""),
    ],
)
def test_a_name_works_when_a_test_uses_it(
    names: ModuleType, tmp_path: Path, module: str, owner: str, method: str, test: str
) -> None:
    (tmp_path / "test_sample.py").write_text(_SAMPLE)
    name = names.Name(module, owner, method)
    tests = names.uses(tmp_path)
    found = name.found()
    proof = names.proof(name, found, names.load()[1], tests) if found is not None else ""
    assert proof.rpartition("::")[2] == test
