"""The order of a script's cells: as first run, unless only a later order gives the notebook's values."""

from __future__ import annotations

import random

import pytest

from penstock_kernel.cell_order import in_order


def test_an_edited_cell_takes_its_old_place() -> None:
    runs = [("a", "x = 1"), ("b", "y = x"), ("a", "x = 2"), ("b", "y = x + 1")]
    assert in_order(runs) == ("x = 2", "y = x + 1")


def test_a_cell_run_again_after_a_redefinition_comes_after_it() -> None:
    runs = [("a", "x = 1"), ("b", "%%task use\nz = x"), ("c", "x = 2"), ("b", "%%task use\nz = x")]
    assert in_order(runs) == ("x = 1", "x = 2", "%%task use\nz = x")


def test_a_run_whose_outputs_another_cell_needs_stays_beside_the_newer_one() -> None:
    runs = [("a", "x = 1"), ("b", "z = x"), ("c", "print(z)"), ("d", "x = 2"), ("b", "z = x")]
    assert in_order(runs) == ("x = 1", "z = x", "print(z)", "x = 2", "z = x")


def test_cells_run_from_the_top_again_are_there_once() -> None:
    cells = [("a", "df = [1]"), ("b", "df = df + [2]"), ("c", "df.append(3)"), ("d", "print(df)")]
    assert in_order(cells * 4) == tuple(text for _, text in cells)


def test_names_a_task_cell_states_itself_count() -> None:
    told = "%%task use --in x --out z\nz, rest = x, 1"
    assert in_order([("a", "x = 1"), ("b", told), ("c", "rest = 2"), ("b", told)]) == (
        "x = 1",
        told,
        "rest = 2",
    )


def test_a_cell_that_no_one_can_read_keeps_its_place() -> None:
    assert in_order([("a", "%runner dask"), ("b", "x = ("), ("a", "%runner ray")]) == ("%runner ray", "x = (")


@pytest.mark.parametrize("seed", range(200))
def test_the_script_ends_with_the_notebooks_values(seed: int) -> None:
    """Cells that make a name of others, run in a random order, some again; what fails is not kept."""
    rng = random.Random(seed)
    names = "abcd"
    forms = ["{0} = {1} + {2} + {n}", "{0} = {1} * {n}", "{0} = {n}"]
    texts = {str(i): rng.choice(forms).format(*rng.sample(names, 3), n=rng.randrange(2, 9)) for i in range(7)}
    notebook: dict[str, int] = {}
    history = []
    for _ in range(20):
        key = rng.choice(list(texts))
        try:
            exec(texts[key], notebook)
        except NameError:
            continue
        history.append((key, texts[key]))
    script: dict[str, int] = {}
    for text in in_order(history):
        exec(text, script)
    assert {n: script.get(n) for n in names} == {n: notebook.get(n) for n in names}
