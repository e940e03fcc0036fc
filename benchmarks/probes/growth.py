"""Run many no-op tasks in one flow, keeping no result, and report by how much the process grew for each.

python growth.py FRAMEWORK MODE N REPORT
"""

import gc
import importlib
import json
import os
import sys
from pathlib import Path

WARM_UP = 300
PAGE = os.sysconf("SC_PAGE_SIZE")


def resident():
    """Return the bytes of this process that are in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


if __name__ == "__main__":
    framework, mode, n, report = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    api = importlib.import_module(framework)

    @api.task
    def noop(x):
        """Return nothing."""

    def run(count):
        """Run so many tasks one after the other."""
        for i in range(count):
            noop(i) if mode == "call" else noop.submit(i).result()

    @api.flow
    def body():
        """Return by how much memory grew."""
        run(WARM_UP)
        before = resident()
        run(n)
        return resident() - before

    Path(report).write_text(json.dumps({"bytes": body() / n}))
