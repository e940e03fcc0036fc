"""Measure how soon a paused flow goes on: `pauses.py COUNT REPORT`.

The flow pauses COUNT times in this process. Another thread resumes it over REST each time, as a panel or another
machine would; the time runs from before that request until the flow's next line.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

from penstock import flow, pause_flow_run
from penstock._link.client import path_of, store
from penstock.runtime import flow_run

asked: list[float] = []
went_on: list[float] = []
run_ids: list[str] = []
begun = threading.Event()


@flow
def pausing(count: int) -> None:
    """Pause again and again, noting when it goes on."""
    run_ids.append(flow_run.id)
    begun.set()
    for number in range(count):
        pause_flow_run(key=str(number), timeout=60)
        went_on.append(time.perf_counter())


def resume(count: int) -> None:
    """Resume each pause as soon as it is on record."""
    begun.wait()
    client, after = store(), ""
    for _ in range(count):
        while True:
            query = {"after": after, "timeout": 30}
            answer = client.request("GET", path_of("link", "flow_runs", run_ids[0], "wait"), query=query)
            after = answer["state"]["id"]
            if answer["state"]["type"] == "PAUSED":
                break
        asked.append(time.perf_counter())
        client.request("POST", path_of("api", "flow_runs", run_ids[0], "resume"), {})


def main() -> None:
    """Measure and write the report."""
    count, report = int(sys.argv[1]), Path(sys.argv[2])
    other = threading.Thread(target=resume, args=(count,))
    other.start()
    pausing(count)
    other.join()
    took = sorted((end - begin) * 1e3 for begin, end in zip(asked, went_on, strict=True))
    figures = {"median": took[count // 2], "95 %": took[int(count * 0.95)]}
    report.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
