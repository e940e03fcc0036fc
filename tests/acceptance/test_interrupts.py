"""Ctrl-C in a terminal, and Stop in a notebook: a SIGINT to the whole process group."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from .support import DEADLINE, descendants, eventually, gone, rows, script

KINDS = [
    "threads",
    "processes",
    pytest.param("dask", marks=pytest.mark.dask),
    pytest.param("own-dask", marks=pytest.mark.dask),
    pytest.param("ray", marks=[pytest.mark.ray, pytest.mark.slow]),
]


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupt_ends_the_flow_at_once_and_spares_the_cluster(kind, home, tmp_path):
    path = shutil.copy(Path(__file__).with_name("interrupted.py.txt"), tmp_path / "interrupted.py")
    with script(path, kind, tmp_path, home=home) as process:
        eventually(lambda: len(list(tmp_path.glob("begun-*"))) >= 2 or process.poll() is not None, 90)
        assert process.poll() is None, process.output()
        cluster = [p for p in descendants(process.pid) if "_store" not in " ".join(p.cmdline())]
        started = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        eventually((tmp_path / "interrupted").exists, 10)
        took = time.monotonic() - started
        assert process.wait(DEADLINE) == 0, process.output()
        assert "next: [0, 1, 2, 3]" in process.output()
        gone(cluster)
    assert took < 2
    run = rows("SELECT id, state_type FROM runs WHERE flow_name = 'stuck' ORDER BY created DESC LIMIT 1")[0]
    assert run["state_type"] == "CRASHED"
    begun = len(list(tmp_path.glob("begun-*")))
    counted = f"""SELECT state_type, count(*) AS n FROM task_runs
        WHERE flow_run_id = '{run["id"]}' GROUP BY ALL ORDER BY state_type"""
    expected = {"CRASHED": begun} | ({"CANCELLED": 4 - begun} if begun < 4 else {})
    eventually(lambda: {row["state_type"]: row["n"] for row in rows(counted)} == expected)
