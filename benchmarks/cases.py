"""What is measured: each case runs one contestant once and yields named figures."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks import memory
from benchmarks.contestants import PROBES, Contestant, Workspace

Figures = Iterator[tuple[str, float]]


@dataclass(frozen=True)
class Case:
    """A named measurement: repeats, who takes part, and whether each repeat gets an empty workspace."""

    name: str
    run: Callable[[Contestant, Workspace], Figures]
    repeats: int
    fresh: bool = False
    server: bool = False
    #: Who takes part besides the usual contestants.
    guests: tuple[str, ...] = ()


def imports(contestant: Contestant, space: Workspace) -> Figures:
    """Time the import."""
    report = contestant.script(space, "imports.py", contestant.name)
    yield "import: seconds", report["seconds"]
    yield "import: modules", report["modules"]


def hello(name: str) -> Callable[[Contestant, Workspace], Figures]:
    """Time a script of one flow and one task from start to exit."""

    def run(contestant: Contestant, space: Workspace) -> Figures:
        script = contestant.hello(space)
        started = time.perf_counter()
        contestant.execute(space, str(script))
        yield f"{name} hello script: seconds", time.perf_counter() - started

    return run


def tasks(runner: str, mode: str, sizes: str) -> Callable[[Contestant, Workspace], Figures]:
    """Time no-op tasks, and compare what is on record afterwards with what ran."""

    def run(contestant: Contestant, space: Workspace) -> Figures:
        counted = contestant.name != "bare"
        before = contestant.settled(space) if counted else 0
        report = contestant.tasks(space, runner, mode, sizes)
        for result in report["runs"]:
            title = f"{runner}, {mode}, {result['n']:,} tasks"
            yield f"{title}: µs per task", result["inner"] / result["n"] * 1e6
            yield f"{title}: seconds until the flow returns", result["wall"]
        if counted:
            share = (contestant.recorded(space, before + report["tasks"]) - before) / report["tasks"]
            yield f"{runner}, {mode}: share of task runs on record", share

    return run


def growth(mode: str, n: int) -> Callable[[Contestant, Workspace], Figures]:
    """Measure how much one flow of n tasks grows for each task that has ended and whose result nobody keeps."""

    def run(contestant: Contestant, space: Workspace) -> Figures:
        if contestant.name == "bare":
            return
        report = contestant.script(space, "growth.py", contestant.name, mode, str(n))
        yield f"{mode}, {n:,} tasks in one flow: bytes of growth per finished task", report["bytes"]

    return run


def store(n: int) -> Callable[[Contestant, Workspace], Figures]:
    """Load the store with n task runs and ask it; the floor is DuckDB's appender with rows that are ready."""

    def run(contestant: Contestant, space: Workspace) -> Figures:
        if contestant.name == "prefect":
            return
        for name, value in contestant.script(space, "store.py", contestant.name, str(n)).items():
            yield f"store, {n:,} task runs: {name}", value

    return run


def pauses(count: int) -> Callable[[Contestant, Workspace], Figures]:
    """Time how soon a paused flow goes on once it is resumed over REST."""

    def run(contestant: Contestant, space: Workspace) -> Figures:
        if contestant.name != "penstock":
            return
        for name, value in contestant.script(space, "pauses.py", str(count)).items():
            yield f"going on after a pause: ms, {name}", value

    return run


def rest(runs: int) -> Callable[[Contestant, Workspace], Figures]:
    """Time the same requests against both servers."""

    def run(contestant: Contestant, space: Workspace) -> Figures:
        if contestant.name == "bare":
            return
        url, socket, token = space.env.get("PREFECT_API_URL", ""), "", ""
        if contestant.name == "penstock":
            about = json.loads((space.home / "endpoint.json").read_text())
            url, socket, token = "http://localhost/api", about["socket"], about["token"]
        for name, value in contestant.script(space, "rest.py", url, socket, token, str(runs)).items():
            yield f"REST, ms: {name}", value

    return run


def footprint(n: int) -> Callable[[Contestant, Workspace], Figures]:
    """Measure the memory of everything a script of n tasks starts, and the records it leaves, without a server."""

    def run(contestant: Contestant, space: Workspace) -> Figures:
        probe = ["floors.py"] if contestant.name == "bare" else ["tasks.py", contestant.name]
        script, *names = probe
        report = space.home / "report.json"
        arguments = [str(PROBES / script), *names, "threads", "submit", str(n), str(report)]
        peak = memory.Peak()
        with subprocess.Popen(
            [str(contestant.python), *arguments],
            cwd=space.home,
            env=space.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as child:
            while child.poll() is None:
                memory.sample(space.mark, peak)
                time.sleep(memory.INTERVAL / 4)
        if child.returncode:
            raise RuntimeError(f"{contestant.label}: {' '.join(arguments)} exited with {child.returncode}")
        yield f"one script, {n:,} tasks, nothing running before: peak MB of all processes", peak.peak_mb
        if contestant.name != "bare":
            expected = json.loads(report.read_text())["tasks"]
            share = contestant.recorded(space, expected) / expected
            yield f"one script, {n:,} tasks, nothing running before: share on record after exit", share

    return run


def results(kind: str, n: int) -> Callable[[Contestant, Workspace], Figures]:
    """Time writing results and reading them in another process; the floor is joblib.Memory."""

    def run(contestant: Contestant, space: Workspace) -> Figures:
        folder = space.home / "results"
        for mode in ("write", "read"):
            report = contestant.script(space, "results.py", contestant.name, kind, mode, str(n), str(folder))
            if kind == "small":
                yield f"{n:,} small results, {mode}: µs each", report["seconds"] / n * 1e6
            else:
                yield f"a frame of {n:,} MB, {mode}: seconds", report["seconds"]
                yield f"a frame of {n:,} MB, {mode}: peak of memory, as a multiple of it", report["peak"]

    return run


def cache_hit(calls: int) -> Callable[[Contestant, Workspace], Figures]:
    """Time a call whose result is stored."""

    def run(contestant: Contestant, space: Workspace) -> Figures:
        report = contestant.script(space, "caching.py", contestant.name, "hit", str(calls))
        yield "cache hit: µs", report["seconds"] * 1e6

    return run


def cache_key(rows: int, size: str) -> Callable[[Contestant, Workspace], Figures]:
    """Time the key of a DataFrame."""

    def run(contestant: Contestant, space: Workspace) -> Figures:
        report = contestant.script(space, "caching.py", contestant.name, "key", str(rows))
        yield f"cache key of a DataFrame of {size}: ms", report["seconds"] * 1e3

    return run


def notebook(contestant: Contestant, space: Workspace) -> Figures:
    """Time a kernel's cells, and weigh it; the peer has no cells."""
    if contestant.name == "prefect":
        return
    for arrow in ("without", "with"):
        report = contestant.script(space, "notebook.py", contestant.name, arrow)
        if arrow == "without":
            if "load" in report:
                yield "kernel: seconds of %load_ext", report["load"]
            yield "kernel: ms of a cell (%%task beside a plain one)", report["cell"] * 1e3
        yield (
            f"kernel with pandas{' and pyarrow' if arrow == 'with' else ''}: resident MB",
            report["resident"],
        )


def all_cases(*, quick: bool) -> list[Case]:
    """Return every case; quick means fewer repeats and small sizes."""
    sizes = "100" if quick else "100,1000"
    many, few = (3, 1) if quick else (7, 3)
    cases = [
        Case("import", imports, many),
        Case("cold", hello("cold"), few, fresh=True),
        Case("warm", hello("warm"), few, server=True),
        Case("store", store(10_000 if quick else 1_000_000), 1, fresh=True),
        Case("pauses", pauses(20 if quick else 200), 1, fresh=True),
        Case("rest", rest(100 if quick else 400), few, server=True),
        Case("footprint", footprint(200), 1 if quick else few, fresh=True),
        Case("notebook", notebook, 1 if quick else few, fresh=True),
    ]
    cases += [
        Case("results-small", results("small", 1000), few, fresh=True),
        Case("results-frame", results("frame", 50 if quick else 1000), 1, fresh=True),
    ]
    cases += [
        Case(f"threads-{mode}", tasks("threads", mode, sizes), few, server=True)
        for mode in ("call", "submit", "map", "gather")
    ]
    cases += [
        Case(f"growth-{mode}", growth(mode, 1000 if quick else 10_000), 1, server=True)
        for mode in ("call", "submit")
    ]
    cases.append(Case("cache-hit", cache_hit(20 if quick else 100), few, server=True, guests=("joblib",)))
    sizes_of_frames = (
        {"1 KB": 35, "1 MB": 35_000} if quick else {"1 KB": 35, "1 MB": 35_000, "100 MB": 3_500_000}
    )
    cases += [
        Case(f"cache-key-{size.replace(' ', '').lower()}", cache_key(rows, size), few, guests=("joblib",))
        for size, rows in sizes_of_frames.items()
    ]
    cases += [
        Case(f"{runner}-{mode}", tasks(runner, mode, sizes), 1 if quick else few, server=True)
        for runner in ("dask", "ray")
        for mode in ("submit", "map")
    ]
    return cases
