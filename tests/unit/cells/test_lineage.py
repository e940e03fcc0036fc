"""Which cells are stale, and why."""

from __future__ import annotations

from typing import Any

from penstock_kernel.lineage import CellRecord, Lineage


class Notebook:
    """Runs task cells as far as lineage is concerned: values come from tests."""

    def __init__(self, **values: Any) -> None:
        self.namespace: dict[str, Any] = dict(values)
        self.lineage = Lineage(self.namespace)
        self.code: dict[str, str] = {}

    def run(self, name: str, inputs: str = "", state: str = "Completed", **outputs: Any) -> None:
        versions = {one: self.lineage.version_of(one) for one in inputs.split()}
        code = self.code.setdefault(name, "v1")
        record = CellRecord(name, name, "", "", code, versions, dict.fromkeys(outputs, 0))
        self.lineage.note(record)
        self.namespace.update(outputs)
        self.lineage.ended(record, state)

    def stale(self) -> dict[str, tuple[str, ...]]:
        found = self.lineage.reasons(lambda record: self.code[record.name])
        return {name: why for name, why in found.items() if why}


def test_what_has_just_run_is_fresh() -> None:
    notebook = Notebook(n=1)
    notebook.run("load", "n", df=[1])
    notebook.run("fit", "df", model="m")

    assert notebook.stale() == {}


def test_a_changed_variable_makes_its_readers_stale_and_those_behind_them() -> None:
    notebook = Notebook(n=1)
    notebook.run("load", "n", df=[1])
    notebook.run("fit", "df", model="m")
    notebook.namespace["n"] = 2

    assert notebook.stale() == {
        "load": ("input n has another value",),
        "fit": ("upstream load is stale",),
    }


def test_the_same_value_bound_again_changes_nothing() -> None:
    notebook = Notebook(n=[1, 2])
    notebook.run("load", "n", df=[1])
    notebook.namespace["n"] = [1, 2]

    assert notebook.stale() == {}


def test_an_object_changed_in_place_is_noticed() -> None:
    notebook = Notebook(n=[1, 2])
    notebook.run("load", "n", df=[1])
    notebook.namespace["n"].append(3)

    assert notebook.stale() == {"load": ("input n has another value",)}


def test_a_newer_version_says_which() -> None:
    notebook = Notebook()
    notebook.run("load", df=[1])
    notebook.run("fit", "df", model="m")
    notebook.run("load", df=[2])

    assert notebook.stale() == {"fit": ("input df@1 is now df@2",)}


def test_names_may_be_bound_by_several_cells() -> None:
    notebook = Notebook()
    notebook.run("load", df=[1])
    notebook.run("clean", "df", df=[2])
    notebook.run("fit", "df", model="m")

    assert notebook.stale() == {}, "fit has the newest, and clean is not stale because of what it gave itself"


def test_changed_code_and_failure_are_reasons() -> None:
    notebook = Notebook()
    notebook.run("load", df=[1])
    notebook.run("fit", "df", state="Failed")
    notebook.code["load"] = "v2"

    assert notebook.stale() == {
        "load": ("its code, or a function it uses, has changed",),
        "fit": ("it ended as Failed", "upstream load is stale"),
    }
