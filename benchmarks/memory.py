"""Peak memory of everything a command starts, detached children included.

    python -m benchmarks.memory [--limit-mb N] [--json FILE] -- COMMAND...

The processes are recognised by an environment variable they inherit, because a store process or a Ray daemon lives
in its own session and is nobody's child. Memory is PSS (shared pages are counted once), sampled from /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path

MARK = "PENSTOCK_MEMORY_MARK"
INTERVAL = 0.2
MB = 1024


@dataclass
class Peak:
    """The largest sum seen, and what it was made of."""

    returncode: int = 0
    peak_mb: float = 0.0
    processes: dict[str, float] = field(default_factory=dict)


def marked_processes(mark: str) -> list[int]:
    """Return the pids whose environment carries the mark, without this process."""
    needle = f"{MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if needle in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:  # gone, or another user's
            continue
    return found


def pss_mb(pid: int) -> float:
    """Return the proportional set size of one process, 0.0 when it is gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / MB
    except OSError:
        pass
    return 0.0


def name_of(pid: int) -> str:
    """Return a short command line for the report."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return str(pid)
    return f"{pid} {' '.join(word.rsplit('/', 1)[-1] for word in words if word)[:60]}"


def stop_marked(mark: str, grace: float = 10.0) -> int:
    """Ask every marked process to end, then insist; return how many there were."""
    first = pids = marked_processes(mark)
    deadline = time.monotonic() + grace
    asked = signal.SIGTERM
    while pids:
        for pid in pids:
            try:
                os.kill(pid, asked)
            except ProcessLookupError:
                continue
        time.sleep(0.1)
        if time.monotonic() > deadline:
            asked = signal.SIGKILL
        pids = marked_processes(mark)
    return len(first)


def sample(mark: str, peak: Peak) -> None:
    """Take one sample and keep it when it is the largest."""
    found = {name_of(pid): pss_mb(pid) for pid in marked_processes(mark)}
    total = sum(found.values())
    if total > peak.peak_mb:
        peak.peak_mb = round(total, 1)
        peak.processes = {name: round(size, 1) for name, size in found.items()}


def run(command: list[str], env: dict[str, str] | None = None) -> Peak:
    """Run a command to its end, watch all it started, stop what it left behind."""
    mark = uuid.uuid4().hex
    child = subprocess.Popen(command, env={**(env or os.environ), MARK: mark})
    peak = Peak()
    try:
        while child.poll() is None:
            sample(mark, peak)
            try:
                child.wait(INTERVAL)
            except subprocess.TimeoutExpired:
                continue
        sample(mark, peak)
    finally:
        stop_marked(mark)
    peak.returncode = child.returncode
    return peak


def main(arguments: list[str]) -> int:
    """Run the command line; the command's own exit code, or 3 above the limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__.splitlines()[0])
    parser.add_argument("--limit-mb", type=float)
    parser.add_argument("--json", type=Path)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args(arguments)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    peak = run(command)
    if options.json:
        options.json.write_text(json.dumps(asdict(peak), indent=1))
    print(f"peak memory of {len(peak.processes)} processes: {peak.peak_mb:.0f} MB")
    for name, size in sorted(peak.processes.items(), key=lambda item: -item[1]):
        print(f"  {size:7.1f} MB  {name}")
    if peak.returncode:
        return peak.returncode
    if options.limit_mb and peak.peak_mb > options.limit_mb:
        print(f"above the limit of {options.limit_mb:.0f} MB")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
