"""Run the comparison.

    python -m benchmarks [--quick] [--peers] [--only NAME ...] [--repeats N] [--json FILE]
    python -m benchmarks --table FILE ...

Contestants take turns (floor, Penstock, peer, floor, Penstock, peer ...), so that a slow minute of the machine hits all
of them; the table shows medians and ratios. Ratios carry over to another machine, seconds do not. With --peers the
full run takes about an hour, most of it the peer's Dask and Ray rows. A turn that fails is reported below the table.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import peers
from benchmarks.cases import Case, all_cases
from benchmarks.contestants import Contestant, Workspace
from benchmarks.table import markdown

Samples = dict[str, dict[str, list[float]]]


def contestants(*, with_peers: bool) -> list[Contestant]:
    """Return who takes part, the floor first."""
    chosen = [Contestant("bare", "floor"), Contestant("penstock", "Penstock")]
    if with_peers:
        chosen.append(Contestant("prefect", peers.LABEL, peers.peer_python()))
        chosen.append(Contestant("joblib", "joblib.Memory", peers.peer_python()))
    return chosen


def run_case(case: Case, taking_part: list[Contestant], samples: Samples) -> list[str]:
    """Let the contestants take turns; a kept workspace gets one unmeasured turn first. Return what went wrong."""
    failures: list[str] = []
    taking_part = [who for who in taking_part if who.name != "joblib" or who.name in case.guests]
    with ExitStack() as stack:
        kept = {} if case.fresh else {who.name: prepare(case, who, stack) for who in taking_part}
        for turn in range(case.repeats):
            for contestant in taking_part:
                print(f"{case.name} {turn + 1}/{case.repeats}: {contestant.label}", file=sys.stderr)
                try:
                    if case.fresh:
                        with contestant.workspace() as space:
                            collect(case, contestant, space, samples)
                    else:
                        collect(case, contestant, kept[contestant.name], samples)
                except RuntimeError as error:
                    failures.append(f"{case.name}, turn {turn + 1}, {contestant.label}: {last_line(error)}")
                    print(error, file=sys.stderr)
    return failures


def last_line(error: Exception) -> str:
    """Return what a failed probe said last."""
    return str(error).strip().splitlines()[-1]


def prepare(case: Case, contestant: Contestant, stack: ExitStack) -> Workspace:
    """Make the workspace that all turns of a case share, with the server or store process already up."""
    space = stack.enter_context(contestant.workspace())
    if case.server and contestant.name == "prefect":
        url = stack.enter_context(peers.server(contestant.python, space.home))
        space = replace(space, env={**space.env, "PREFECT_API_URL": url})
    if case.server and contestant.name in ("penstock", "prefect"):
        contestant.execute(space, str(contestant.hello(space)))
    return space


def collect(case: Case, contestant: Contestant, space: Workspace, samples: Samples) -> None:
    """Run a case once and keep its figures."""
    for row, value in case.run(contestant, space):
        samples.setdefault(row, {}).setdefault(contestant.name, []).append(value)


def main(arguments: list[str]) -> int:
    """Parse, measure, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, few repeats: about two minutes")
    parser.add_argument(
        "--peers", action="store_true", help="measure Prefect too, in an environment of its own"
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help="cases whose name starts with one of these")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single figure there")
    parser.add_argument(
        "--repeats", type=int, metavar="N", help="turns of each case, instead of its own number"
    )
    parser.add_argument(
        "--table",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="measure nothing: show files written with --json",
    )
    options = parser.parse_args(arguments)
    if options.table:
        print(markdown(*joined(options.table)))
        return 0
    cases = all_cases(quick=options.quick)
    if options.only:
        cases = [case for case in cases if case.name.startswith(tuple(options.only))]
        if not cases:
            parser.error(f"no such case; there are: {', '.join(case.name for case in all_cases(quick=True))}")
    taking_part = contestants(with_peers=options.peers)
    samples: Samples = {}
    failures: list[str] = []
    labels = {contestant.name: contestant.label for contestant in taking_part}
    with TemporaryDirectory() as scratch:
        os.environ["PENSTOCK_HOME"] = scratch  # nothing here may reach the user's own workspace
        for case in cases:
            chosen = replace(case, repeats=options.repeats) if options.repeats else case
            failures += run_case(chosen, taking_part, samples)
            if options.json:
                options.json.write_text(json.dumps({"labels": labels, "samples": samples}, indent=1))
    print(markdown(samples, labels))
    print(
        f"\n{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}; medians, lower is better."
    )
    for failure in failures:
        print(f"failed: {failure}")
    return 1 if failures else 0


def joined(files: list[Path]) -> tuple[Samples, dict[str, str]]:
    """Return the samples and labels of several runs together."""
    samples: Samples = {}
    labels: dict[str, str] = {}
    for file in files:
        found = json.loads(file.read_text())
        labels |= found["labels"]
        for row, by_name in found["samples"].items():
            for name, values in by_name.items():
                samples.setdefault(row, {}).setdefault(name, []).extend(values)
    return samples, labels


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
