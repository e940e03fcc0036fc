"""What a cell waits for, told from its text and the notebook's namespace."""

from __future__ import annotations

from typing import Any

import pytest

from penstock_kernel.pending import PendingError, PendingValue, needs_of


class Run:
    """A run that has not ended."""

    name = "load"
    described: dict[str, str] = {}

    def __init__(
        self, certain: str = "x y", values: dict[str, Any] | None = None, *, kind: str = "task", **names: str
    ) -> None:
        self.certain = frozenset(certain.split())
        self.values = values or {}
        self.kind = kind
        self.touches, self.changes, self.unplaced = (
            frozenset(names.get(what, "").split()) for what in ("touches", "changes", "unplaced")
        )

    def reads_object(self, value: object) -> bool:
        return any(one is value for one in self.values.values())

    def phrase(self) -> str:
        return "is running"


def notebook(**more: Any) -> dict[str, Any]:
    run = Run()
    return {name: PendingValue(name, run) for name in ("x", "y")} | {"z": 1, **more}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("z + 1", ""),
        ("x", "x"),
        ("print(x, z)", "x"),
        ("x = 1", ""),
        ("x = 1\nx + y", "y"),
        ("x += 1", "x"),
        ("x.append(1)", "x"),
        ("if z: x = 1\nprint(x)", "x"),
        ("def f(): return x", "x"),
        ("[x for x in range(3)]", ""),
        ("%time q = x", "x"),
        ("%%time\nq = x", "x"),
        ("%store x", "x"),
        ("!echo {x}", "x"),
        ("%%bash\necho $x", "x"),
        ("%%flow all\nload(y)", "y"),
        ("%%task use\nq = x + y", ""),
        ("# %%task use\nq = x + y", ""),
        ("%%task use\nif z: x = 1", "x"),
        ("%%task use\nx = 1", ""),
        ("eval('x')", "x y"),
        ("x = = 1", ""),
    ],
)
def test_names_a_cell_waits_for(text, names) -> None:
    assert needs_of(text, notebook(), ()).values == tuple(names.split())


def test_a_function_of_the_notebook_needs_what_it_reads() -> None:
    namespace = notebook()
    exec("def inner(): return x\ndef outer(): return inner()", namespace)

    assert needs_of("outer()", namespace, ()).values == ("x",)


def test_a_task_waits_for_what_its_upstream_may_not_bind() -> None:
    run = Run(certain="x")
    namespace = {"x": PendingValue("x", run), "y": PendingValue("y", run)}

    assert needs_of("%%task use\nx + y", namespace, ()).values == ("y",)


def test_a_cell_that_changes_an_object_waits_for_its_readers() -> None:
    items = [1]
    run = Run(values={"items": items})

    assert needs_of("items.append(2)", {"items": items, "also": items}, [run]).readers == (run,)
    assert needs_of("also.append(2)", {"items": items, "also": items}, [run]).readers == (run,)
    assert not needs_of("items = items + [2]", {"items": items}, [run])
    assert not needs_of("other.append(2)", {"other": [1]}, [run])


@pytest.mark.parametrize(
    "use",
    [
        lambda v: v + 1,
        lambda v: v.mean(),
        lambda v: list(v),
        lambda v: v[0],
        lambda v: bool(v),
        lambda v: v(),
    ],
)
def test_a_placeholder_says_what_it_is_when_used(use) -> None:
    with pytest.raises(PendingError, match="'x' comes from task 'load'"):
        use(PendingValue("x", Run()))


def test_a_placeholder_can_be_looked_at() -> None:
    assert repr(PendingValue("x", Run())) == "<x: is running>"


@pytest.mark.parametrize(
    ("text", "waits"),
    [
        ("free = 1", False),
        ("print(factor)", False),
        ("factor = 2", True),
        ("del factor", True),
        ("def factor(): pass", True),
        ("import os as factor", True),
        ("for factor in range(3): pass", True),
        ("%%task factor\nfree = 1", True),
        ("%%task other\nfactor = 1", True),
        ("%load factor", True),
        ("exec(text)", True),
        ("print(log)", True),
        ("print(given)", True),
    ],
)
def test_a_cell_leaves_alone_what_a_running_flow_looks_up(text, waits):
    """Its functions read the notebook's names while it runs, and may change some."""
    flow = Run(kind="flow", touches="factor log given", changes="log given", unplaced="given")
    names = {"factor": 1, "log": [], "free": 0, "text": "", "given": 1}
    needs = needs_of(text, names, [flow])
    assert needs.readers == ((flow,) if waits else ())
    assert needs.values == (("given",) if "given" in text else ())


def test_a_task_cell_waits_for_what_a_flow_gives():
    flow = Run(kind="flow")
    assert needs_of("%%task use\nq = x", {"x": PendingValue("x", flow)}, [flow]).values == ("x",)
