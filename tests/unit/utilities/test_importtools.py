"""Importing by name, later, and under other names."""

from __future__ import annotations

import os.path
import sys

import pytest

from penstock.utilities.importtools import (
    AliasedModuleDefinition,
    AliasedModuleFinder,
    from_qualified_name,
    lazy_import,
    to_qualified_name,
)


def test_qualified_names_lead_to_objects_and_back() -> None:
    assert from_qualified_name("os.path.join") is os.path.join
    assert from_qualified_name("json.decoder").__name__ == "json.decoder"
    assert from_qualified_name(to_qualified_name(from_qualified_name)) is from_qualified_name
    with pytest.raises(ModuleNotFoundError, match="nowhere_at_all"):
        from_qualified_name("nowhere_at_all")
    with pytest.raises(AttributeError, match="nothing"):
        from_qualified_name("os.nothing")


@pytest.fixture
def module(tmp_path, monkeypatch) -> str:
    """A module that says when it runs."""
    (tmp_path / "noisy_of_imports.py").write_text("import sys\nsys.noisy_ran = True\nVALUE = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "noisy_ran", False, raising=False)
    yield "noisy_of_imports"
    for name in [name for name in sys.modules if name.endswith("_of_imports")]:
        del sys.modules[name]


def test_a_lazy_module_runs_when_it_is_first_used(module) -> None:
    lazy = lazy_import(module)

    assert not sys.noisy_ran
    assert (lazy.VALUE, sys.noisy_ran) == (1, True)
    assert lazy_import(module) is lazy


def test_a_missing_lazy_module_is_an_error_when_used() -> None:
    lazy = lazy_import("nowhere_at_all", help_message="Install it.")

    with pytest.raises(ModuleNotFoundError, match=r"No module named 'nowhere_at_all'.\nInstall it\."):
        lazy.anything  # noqa: B018
    with pytest.raises(ModuleNotFoundError, match="Install it"):
        lazy_import("nowhere_at_all", error_on_import=True, help_message="Install it.")
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        lazy_import("nowhere.at.all").anything  # noqa: B018


def test_an_alias_is_the_module_itself(module, monkeypatch) -> None:
    heard: list[str] = []
    finder = AliasedModuleFinder(
        [
            AliasedModuleDefinition("other_of_imports", module, heard.append),
            AliasedModuleDefinition("jay", "json"),
        ]
    )
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])

    other, decoder = __import__("other_of_imports"), from_qualified_name("jay.decoder")

    assert (other is sys.modules[module], decoder is sys.modules["json.decoder"]) == (True, True)
    assert heard == ["other_of_imports"]
    for name in ("jay", "jay.decoder"):
        sys.modules.pop(name, None)
