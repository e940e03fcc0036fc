"""Run flows of no-op tasks and report how long they took; only the import name differs between frameworks.

    python tasks.py FRAMEWORK RUNNER MODE SIZES REPORT      python tasks.py penstock threads submit 100,1000 out.json

For each size: `inner` is the time in the flow's body for that many tasks after one task that warms the runner up,
`wall` is the time of the whole flow call, `tasks` the number of task runs that must be on record afterwards.
"""

import asyncio
import importlib
import json
import sys
import time
from pathlib import Path

CLUSTER = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
RAY = {"num_cpus": 2, "include_dashboard": False, "log_to_driver": False, "object_store_memory": 200_000_000}
ADAPTERS = {"penstock": ("penstock_runners", "penstock_runners"), "prefect": ("prefect_dask", "prefect_ray")}


def task_runner(framework, name):
    """Make the runner: the framework's own classes with the same arguments."""
    if name == "threads":
        return importlib.import_module(f"{framework}.task_runners").ThreadPoolTaskRunner()
    dask_module, ray_module = ADAPTERS[framework]
    if name == "dask":
        return importlib.import_module(dask_module).DaskTaskRunner(cluster_kwargs=CLUSTER)
    return importlib.import_module(ray_module).RayTaskRunner(init_kwargs=RAY)


def run(noop, mode, n):
    """Run n tasks and wait for their values."""
    if mode == "call":
        return [noop(i) for i in range(n)]
    if mode == "map":
        return noop.map(range(n)).result()
    futures = [noop.submit(i) for i in range(n)]
    return [future.result() for future in futures]


async def gathered(noop, n):
    """Run n async tasks on the loop and wait for their values."""
    return await asyncio.gather(*(noop(i) for i in range(n)))


def measure_async(framework, n):
    """Run one async flow of n async tasks."""
    api = importlib.import_module(framework)

    @api.task
    async def noop(x):
        return x

    @api.flow
    async def body():
        await gathered(noop, 1)
        started = time.perf_counter()
        values = await gathered(noop, n)
        seconds = time.perf_counter() - started
        assert values == list(range(n))
        return seconds

    started = time.perf_counter()
    inner = asyncio.run(body())
    return {"n": n, "inner": inner, "wall": time.perf_counter() - started, "tasks": n + 1}


def measure(framework, runner, mode, n):
    """Run one flow of n tasks."""
    if mode == "gather":
        return measure_async(framework, n)
    api = importlib.import_module(framework)

    @api.task
    def noop(x):
        return x

    @api.flow(task_runner=task_runner(framework, runner))
    def body():
        run(noop, mode, 1)
        started = time.perf_counter()
        values = run(noop, mode, n)
        seconds = time.perf_counter() - started
        assert values == list(range(n))
        return seconds

    started = time.perf_counter()
    inner = body()
    return {"n": n, "inner": inner, "wall": time.perf_counter() - started, "tasks": n + 1}


if __name__ == "__main__":
    framework, runner, mode, sizes, report = sys.argv[1:]
    measure(framework, "threads", "call", 1)  # the framework's own first steps
    results = [measure(framework, runner, mode, int(n)) for n in sizes.split(",")]
    Path(report).write_text(json.dumps({"runs": results, "tasks": 2 + sum(r["tasks"] for r in results)}))
