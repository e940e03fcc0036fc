"""Tab completion on our magics."""

from __future__ import annotations

import pytest

from penstock_kernel.completion import candidates


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%%task load --retr", ["--retries", "--retry-delay"]),
        ("# %%task load --run", ["--runner"]),
        ("%%task load --runner ", ["threads", "processes", "dask", "ray"]),
        ("%%task load --runner d", ["dask"]),
        ("%%task lo", []),
        ("%runner th", ["threads"]),
        ("%logs ", ["clean", "load"]),
        ("%cancel lo", ["load"]),
        ("%log", []),
        ("x = lo", []),
        ("", []),
    ],
)
def test_candidates(line, expected) -> None:
    assert candidates(line, ["load", "clean"]) == expected
