"""The pieces of `scripts/binder-check`: what Binder installs, and how memory is measured."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.packaging

ROOT = Path(__file__).resolve().parents[2]
BINDER = ROOT / "binder"


def requirements() -> list[str]:
    """Return the lines that mean something."""
    lines = (line.strip() for line in (BINDER / "requirements.txt").read_text().splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def test_requirements_install_this_checkout_at_locked_versions() -> None:
    constraint, package = requirements()
    assert (BINDER / constraint.removeprefix("-c ")).resolve() == ROOT / "constraints.txt"
    match = re.fullmatch(r"\.\[(.+)\]", package)
    assert match
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(match[1].split(",")) <= set(extras)


def test_nothing_big_is_installed() -> None:
    """Neither Dask nor Ray, directly or through an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    chosen = re.findall(r"\w+", requirements()[1])
    wanted = project["dependencies"] + [
        line for extra in chosen for line in project["optional-dependencies"][extra]
    ]
    names = {re.match(r"[\w-]+", line)[0] for line in wanted}  # type: ignore[index]
    assert names & {"dask", "distributed", "ray", "penstock"} == set()


def test_python_version_is_one_we_support() -> None:
    match = re.fullmatch(r"python-3\.(\d+)", (BINDER / "runtime.txt").read_text().strip())
    assert match
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    assert f"Programming Language :: Python :: 3.{match[1]}" in classifiers


@pytest.mark.parametrize(
    "script", ["binder/postBuild", "scripts/binder-check", "scripts/lib.sh", "scripts/demo"]
)
def test_shell_reads_the_script(script: str) -> None:
    done = subprocess.run(["bash", "-n", str(ROOT / script)], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def measure(tmp_path: Path, *arguments: str) -> tuple[int, dict[str, object]]:
    """Run the memory meter on a command and read its report."""
    report = tmp_path / "peak.json"
    command = [sys.executable, "-m", "benchmarks.memory", "--json", str(report), *arguments]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=120)
    return done.returncode, json.loads(report.read_text())


# A parent and a detached child, each with 60 MB that it has written to.
GREEDY = """
import subprocess, sys, time
block = b"x" * 60_000_000
if sys.argv[1:] == ["child"]:
    print("up", flush=True)
    time.sleep(600)
child = subprocess.Popen([sys.executable, __file__, "child"], start_new_session=True, stdout=subprocess.PIPE)
child.stdout.readline()
time.sleep(1)
print(child.pid)
"""


def test_memory_counts_detached_children_and_stops_them(tmp_path: Path) -> None:
    script = tmp_path / "greedy.py"
    script.write_text(GREEDY)
    code, peak = measure(tmp_path, "--", sys.executable, str(script))
    assert code == 0
    assert 120 < float(str(peak["peak_mb"])) < 400
    pids = [name.split()[0] for name in peak["processes"]]  # type: ignore[union-attr]
    assert len(pids) == 2
    assert [pid for pid in pids if alive(pid)] == []


def alive(pid: str) -> bool:
    """Say whether the process runs; one that only waits to be collected does not."""
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_memory_above_the_limit_fails(tmp_path: Path) -> None:
    code, _ = measure(tmp_path, "--limit-mb", "1", "--", sys.executable, "-c", "import time; time.sleep(1)")
    assert code == 3


def test_memory_hands_on_the_exit_code(tmp_path: Path) -> None:
    code, _ = measure(tmp_path, "--", sys.executable, "-c", "raise SystemExit(7)")
    assert code == 7
