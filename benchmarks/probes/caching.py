"""Time the cache: how long a hit takes, and how long it takes to make a key of a DataFrame.

    python caching.py FRAMEWORK hit CALLS REPORT        python caching.py FRAMEWORK key ROWS REPORT

A hit is one call of a function whose small result is stored already. The frame has a column of floats, one of integers
and one of short texts. The floor reads and unpickles one file for a hit, and makes a key as pickle and MD5 do.
"""

import hashlib
import importlib
import json
import pickle
import sys
import tempfile
import time
from pathlib import Path

#: A short case is repeated until it has taken so long, and the quickest round counts.
ROUND_SECONDS = 0.2
ROUNDS = 3


def frame(rows):
    """Make a frame of about 30 bytes a row."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(1)
    words = np.array([f"word {n}" for n in range(1000)])
    return pd.DataFrame(
        {
            "price": rng.normal(size=rows),
            "count": rng.integers(0, 1000, rows),
            "name": words[rng.integers(0, 1000, rows)],
        }
    )


def hit(framework):
    """Return a function that gets a stored result, and what it returns."""
    if framework == "bare":
        path = Path(tempfile.mkdtemp()) / "result"
        path.write_bytes(pickle.dumps([1, 2]))
        return lambda: pickle.loads(path.read_bytes())
    if framework == "joblib":
        memory = importlib.import_module("joblib").Memory(tempfile.mkdtemp(), verbose=0)
        cached = memory.cache(pair)
        return lambda: cached(1)
    api = importlib.import_module(framework)
    policies = importlib.import_module(f"{framework}.cache_policies")
    cached = api.task(cache_policy=policies.INPUTS + policies.TASK_SOURCE)(pair)
    return lambda: cached(1)


def pair(x):
    """The function whose result is stored."""
    return [x, 2]


def hits(framework, calls):
    """Return the seconds a hit takes, within a flow where there are flows."""
    get = hit(framework)

    def body():
        assert get() == [1, 2]
        started = time.perf_counter()
        for _ in range(calls):
            get()
        return (time.perf_counter() - started) / calls

    if framework in ("penstock", "prefect"):
        return importlib.import_module(framework).flow(body)()
    return body()


def key_of(framework):
    """Return the function that makes a key of an input."""
    if framework == "bare":
        return lambda value: hashlib.md5(pickle.dumps(value, protocol=5), usedforsecurity=False).hexdigest()
    if framework == "joblib":
        return importlib.import_module("joblib").hash
    inputs = importlib.import_module(f"{framework}.cache_policies").INPUTS
    return lambda value: inputs.compute_key(task_ctx=None, inputs={"df": value}, flow_parameters={})


def keys(framework, rows):
    """Return the seconds it takes to make a key, and the size of the frame in bytes."""
    value, make = frame(rows), key_of(framework)
    assert make(value) == make(value.copy())
    best = float("inf")
    for _ in range(ROUNDS):
        started, count = time.perf_counter(), 0
        while time.perf_counter() - started < ROUND_SECONDS:
            make(value)
            count += 1
        best = min(best, (time.perf_counter() - started) / count)
    return best


if __name__ == "__main__":
    framework, what, size, report = sys.argv[1:]
    seconds = {"hit": hits, "key": keys}[what](framework, int(size))
    Path(report).write_text(json.dumps({"seconds": seconds}))
