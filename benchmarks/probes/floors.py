"""The same work as tasks.py without any framework: what the executor below costs by itself.

python floors.py RUNNER MODE SIZES REPORT
"""

import asyncio
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tasks import CLUSTER, RAY


def noop(x):
    """Return the argument."""
    return x


@contextmanager
def threads():
    """Start a pool; yield functions that run one task, many by submit, many by map."""
    with ThreadPoolExecutor() as pool:
        yield (
            lambda n: [pool.submit(noop, i).result() for i in range(n)],
            lambda n: [future.result() for future in [pool.submit(noop, i) for i in range(n)]],
            lambda n: list(pool.map(noop, range(n))),
        )


@contextmanager
def dask():
    """Start two worker processes of one thread."""
    from distributed import Client, LocalCluster

    with LocalCluster(**CLUSTER) as cluster, Client(cluster) as client:
        yield (
            lambda n: [client.submit(noop, i, pure=False).result() for i in range(n)],
            lambda n: client.gather([client.submit(noop, i, pure=False) for i in range(n)]),
            lambda n: client.gather(client.map(noop, range(n), pure=False)),
        )


@contextmanager
def ray():
    """Start an instance with two CPUs."""
    import ray as library

    library.init(logging_level="ERROR", **RAY)
    remote = library.remote(noop)
    many = lambda n: library.get([remote.remote(i) for i in range(n)])  # noqa: E731
    try:
        yield lambda n: [library.get(remote.remote(i)) for i in range(n)], many, many
    finally:
        library.shutdown()


async def anoop(x):
    """Return the argument."""
    return x


def measure_async(n):
    """Run n coroutines on a loop."""

    async def body():
        started = time.perf_counter()
        values = await asyncio.gather(*(anoop(i) for i in range(n)))
        seconds = time.perf_counter() - started
        assert values == list(range(n))
        return seconds

    started = time.perf_counter()
    inner = asyncio.run(body())
    return {"n": n, "inner": inner, "wall": time.perf_counter() - started, "tasks": 0}


def measure(runner, mode, n):
    """Start the executor, warm it up, run n tasks, shut it down."""
    if mode == "gather":
        return measure_async(n)
    started = time.perf_counter()
    with {"threads": threads, "dask": dask, "ray": ray}[runner]() as ways:
        run = ways[("call", "submit", "map").index(mode)]
        run(1)
        begun = time.perf_counter()
        values = run(n)
        inner = time.perf_counter() - begun
        assert values == list(range(n))
    return {"n": n, "inner": inner, "wall": time.perf_counter() - started, "tasks": 0}


if __name__ == "__main__":
    runner, mode, sizes, report = sys.argv[1:]
    results = [measure(runner, mode, int(n)) for n in sizes.split(",")]
    Path(report).write_text(json.dumps({"runs": results, "tasks": 0}))
