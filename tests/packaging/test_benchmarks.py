"""The comparison measures what it says: floors run, the table shows medians and ratios."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_table_shows_medians_and_ratios(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    markdown = importlib.import_module("benchmarks.table").markdown
    results = {
        "threads: µs per task": {"bare": [9.0, 10.0, 80.0], "penstock": [40.0], "prefect": [4000.0]},
        "share of task runs on record": {"penstock": [1.0], "prefect": [0.12]},
    }
    table = markdown(results, {"bare": "floor", "penstock": "Penstock", "prefect": "Other"}).splitlines()
    assert table == [
        "| measure | floor | Penstock | Other | Penstock / floor | Other / Penstock |",
        "|---|---:|---:|---:|---:|---:|",
        "| threads: µs per task | 10 | 40 | 4,000 | 4 x | 100 x |",
        "| share of task runs on record | - | 1 | 0.12 |  |  |",
    ]


def test_unknown_case_is_refused() -> None:
    command = [sys.executable, "-m", "benchmarks", "--only", "nothing"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "threads-submit" in done.stderr


@pytest.mark.packaging
def test_quick_run_measures_floor_and_penstock(tmp_path: Path) -> None:
    """Every task run is on record after a clean exit, and the figures of both are there."""
    out = tmp_path / "figures.json"
    command = [
        sys.executable,
        "-m",
        "benchmarks",
        "--quick",
        "--only",
        "import",
        "threads-submit",
        "--json",
        str(out),
    ]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    samples = json.loads(out.read_text())["samples"]
    assert set(samples["threads, submit: share of task runs on record"]["penstock"]) == {1.0}
    for row in ("import: modules", "threads, submit, 100 tasks: µs per task"):
        assert min(samples[row]["bare"]) > 0
        assert min(samples[row]["penstock"]) > 0
