"""No module imports itself by way of others, not even inside functions."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest


def test_imports_have_one_direction() -> None:
    packages = ("penstock", "penstock_runners", "penstock_widgets", "penstock_kernel")
    graph = grimp.build_graph(*packages, exclude_type_checking_imports=True)
    # A module that imports itself is no cycle: code that runs with other globals finds its own functions so.
    imports = {module: graph.find_modules_directly_imported_by(module) - {module} for module in graph.modules}
    assert sum(len(found) for found in imports.values()) > 500
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))
