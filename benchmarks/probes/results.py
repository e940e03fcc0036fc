"""Write results and read them again in a process that has not written them; report seconds and memory.

python results.py FRAMEWORK KIND MODE N FOLDER REPORT

KIND is `small` (N results of a few numbers each) or `frame` (one DataFrame of N MB); MODE is `write` or `read`.
Each record gets a file of its own; the framework `bare` is joblib.Memory.
"""

import json
import sys
import time
from pathlib import Path


def small(i):
    """Return a result such as tasks have."""
    return {"number": i, "values": [i, i + 1, i + 2], "name": f"result {i}"}


def frame(megabytes):
    """Return a frame of random numbers."""
    import numpy as np
    import pandas as pd

    rows = megabytes * 1_000_000 // 80
    return pd.DataFrame(np.random.default_rng(1).random((rows, 10)), columns=list("abcdefghij"), copy=False)


def functions(framework, folder, values):
    """Return how the framework writes value number i, and how it reads it."""
    if framework == "bare":
        from joblib import Memory

        cached = Memory(folder, verbose=0).cache(values)
        return cached, cached
    if framework == "penstock":
        from penstock.filesystems import LocalFileSystem
        from penstock.results import ResultStore
    else:
        from prefect.filesystems import LocalFileSystem
        from prefect.results import ResultStore
    store = ResultStore(result_storage=LocalFileSystem(basepath=folder), cache_result_in_memory=False)
    return lambda i: store.write(values(i), key=f"result-{i}"), lambda i: store.read(f"result-{i}").result


def status(field):
    """Return a figure of this process's memory in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) * 1024


def forget_peak():
    """Let the peak of memory start again from here."""
    Path("/proc/self/clear_refs").write_text("5")


def measure(act, size):
    """Return seconds, and the peak of memory as a multiple of `size` bytes above what there was before."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started, (status("VmHWM") - before) / size if size else None


if __name__ == "__main__":
    framework, kind, mode, n, folder, report = sys.argv[1:]
    size = int(n) * 1_000_000 if kind == "frame" else 0
    if kind == "small":
        write, read = functions(framework, folder, small)
        # One more than is measured: what a first write or read loads is start-up, not the cost of a record.
        (write if mode == "write" else read)(int(n))
        before = status("VmRSS")
        work = range(int(n))
        seconds, peak = measure(lambda: [(write if mode == "write" else read)(i) for i in work], size)
    else:
        kept = []
        write, read = functions(framework, folder, lambda i: kept[0])
        import pandas  # noqa: F401, ICN001  # loading it is not measured

        before = status("VmRSS")
        if mode == "write":
            kept.append(frame(int(n)))
            forget_peak()
            seconds, peak = measure(lambda: write(0), size)
        else:
            forget_peak()
            seconds, peak = measure(lambda: kept.append(read(0)), size)
            assert len(kept[0]) == int(n) * 1_000_000 // 80
    Path(report).write_text(json.dumps({"seconds": seconds, "peak": peak}))
