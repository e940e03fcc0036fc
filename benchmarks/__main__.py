"""Run the comparison.

    python -m benchmarks [--quick] [--peers] [--only NAME ...] [--json FILE]

Contestants take turns (floor, Penstock, peer, floor, Penstock, peer ...), so that a slow minute of the machine hits all
of them; the table shows medians and ratios. Ratios carry over to another machine, seconds do not. With --peers the
full run takes about half an hour, most of it the peer's Dask and Ray rows.
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
    return chosen


def run_case(case: Case, taking_part: list[Contestant], samples: Samples) -> None:
    """Let the contestants take turns; a kept workspace gets one unmeasured turn first."""
    with ExitStack() as stack:
        kept = {} if case.fresh else {who.name: prepare(case, who, stack) for who in taking_part}
        for turn in range(case.repeats):
            for contestant in taking_part:
                print(f"{case.name} {turn + 1}/{case.repeats}: {contestant.label}", file=sys.stderr)
                if case.fresh:
                    with contestant.workspace() as space:
                        collect(case, contestant, space, samples)
                else:
                    collect(case, contestant, kept[contestant.name], samples)


def prepare(case: Case, contestant: Contestant, stack: ExitStack) -> Workspace:
    """Make the workspace that all turns of a case share, with the server or store process already up."""
    space = stack.enter_context(contestant.workspace())
    if case.server and contestant.name == "prefect":
        url = stack.enter_context(peers.server(contestant.python, space.home))
        space = replace(space, env={**space.env, "PREFECT_API_URL": url})
    if case.server and contestant.name != "bare":
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
    options = parser.parse_args(arguments)
    cases = all_cases(quick=options.quick)
    if options.only:
        cases = [case for case in cases if case.name.startswith(tuple(options.only))]
        if not cases:
            parser.error(f"no such case; there are: {', '.join(case.name for case in all_cases(quick=True))}")
    taking_part = contestants(with_peers=options.peers)
    samples: Samples = {}
    with TemporaryDirectory() as scratch:
        os.environ["PENSTOCK_HOME"] = scratch  # nothing here may reach the user's own workspace
        for case in cases:
            run_case(case, taking_part, samples)
    labels = {contestant.name: contestant.label for contestant in taking_part}
    print(markdown(samples, labels))
    print(
        f"\n{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}; medians, lower is better."
    )
    if options.json:
        options.json.write_text(json.dumps({"labels": labels, "samples": samples}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
