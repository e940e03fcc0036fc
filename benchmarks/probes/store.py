"""Measure the store: `store.py bare|penstock TASKS REPORT`.

The floor is DuckDB's appender with rows that are ready. Penstock is the real store process, sent real journal lines.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

#: Tasks in one batch of lines: about 1 MB, as the sender ships them when there is much.
_BATCH = 900
_STATE = """CREATE TABLE task_state (client VARCHAR NOT NULL, seq BIGINT NOT NULL, at_us BIGINT NOT NULL, id UUID NOT NULL,
task_run_id UUID NOT NULL, flow_run_id UUID, type VARCHAR NOT NULL, name VARCHAR NOT NULL, message VARCHAR, details JSON,
run_count BIGINT)"""
_QUERIES = {
    "a page of task runs": "SELECT id FROM task_runs ORDER BY created DESC LIMIT 200",
    "failed task runs": "SELECT id, name FROM task_runs WHERE state_type = 'FAILED' ORDER BY created DESC LIMIT 200",
    "task runs of a flow run": "SELECT * FROM task_runs WHERE flow_run_id = '{run}' ORDER BY created LIMIT 200",
    "one task run": "SELECT * FROM task_runs WHERE id = '{task}'",
    "task runs by state": "SELECT state_type, count(*) FROM task_runs GROUP BY 1",
    "slowest tasks": "SELECT task_name, avg(duration) FROM task_runs GROUP BY 1 ORDER BY 2 DESC",
    "names": "SELECT id FROM task_runs WHERE contains(name, 't-77') LIMIT 200",
    "states of a task run": "SELECT * FROM states WHERE task_run_id = '{task}'",
    "a page of whole task runs": "SELECT * FROM task_runs ORDER BY created DESC LIMIT 200",
    "a page of events": "SELECT * FROM events ORDER BY occurred DESC LIMIT 200",
}


def floor(tasks: int) -> dict[str, float]:
    """Append rows that are ready, in transactions as large as the store's."""
    import duckdb

    from penstock._ids import new_id

    flow_run = str(new_id())
    rows = [
        ("c", seq, 10**15 + seq, str(new_id()), str(new_id()), flow_run, "RUNNING", "Running", None, "{}", 1)
        for seq in range(_BATCH * 3)
    ]
    with tempfile.TemporaryDirectory() as folder:
        connection = duckdb.connect(f"{folder}/floor.duckdb", config={"threads": "1"})
        connection.execute(_STATE)
        turns = max(1, tasks // _BATCH)
        started = time.perf_counter()
        for _ in range(turns):
            connection.begin()
            with connection.appender("task_state") as appender:
                appender.append_rows(rows)
            connection.commit()
        seconds = time.perf_counter() - started
        connection.close()
    return {"µs per event": seconds / (turns * len(rows)) * 1e6}


def batches(tasks: int, flow_runs: list[str], first_task: list[str]) -> Iterator[bytes]:
    """Yield the lines of a client in batches: a task run and two states each."""
    from penstock._ids import new_id, now_us
    from penstock._journal.line import encode

    yield encode(0, "hello", now_us(), {"pid": os.getpid(), "start": 0, "host": "b", "role": "driver"})
    seq = 1
    for begin in range(0, tasks, _BATCH):
        lines = []
        for number in range(begin, min(begin + _BATCH, tasks)):
            flow_run, task = flow_runs[number * len(flow_runs) // tasks], str(new_id())
            first_task[:] = first_task or [task]
            body = {"id": task, "flow_run_id": flow_run, "task_key": "m.t", "task_name": f"t{number % 9}"}
            body |= {
                "name": f"t-{number}",
                "dynamic_key": str(number),
                "tags": [],
                "runner": "threads",
                "inputs": {},
            }
            body |= {"state_id": str(new_id()), "state_type": "PENDING", "state_name": "Pending"}
            lines.append(encode(seq, "task_run", now_us(), body))
            end = "FAILED" if number % 20 == 0 else "COMPLETED"
            for count, kind in enumerate(("RUNNING", end), 1):
                state = {
                    "run": "task",
                    "id": task,
                    "flow_run_id": flow_run,
                    "state_id": str(new_id()),
                    "type": kind,
                }
                state |= {"name": kind.title(), "message": None, "details": {}, "run_count": 1}
                lines.append(encode(seq + count, "state", now_us(), state))
            seq += 3
        yield b"".join(lines)


def records_of_tasks(session: Any, tasks: int) -> tuple[float, float]:
    """Return the seconds until a task run and two states, each, are journalled, and until all are acknowledged."""
    from penstock._ids import new_id

    flow_run = str(new_id())
    started = time.perf_counter()
    for number in range(tasks):
        task, name = str(new_id()), f"t-{number}"
        body = {"id": task, "flow_run_id": flow_run, "task_key": "m.t", "task_name": "t", "name": name}
        body |= {
            "dynamic_key": name,
            "tags": [],
            "runner": "threads",
            "inputs": {},
            "state_id": str(new_id()),
        }
        session.emit("task_run", body | {"state_type": "PENDING", "state_name": "Pending"})
        for kind in ("RUNNING", "COMPLETED"):
            state = {
                "run": "task",
                "id": task,
                "flow_run_id": flow_run,
                "state_id": str(new_id()),
                "type": kind,
            }
            session.emit(
                "state", state | {"name": kind.title(), "message": None, "details": {}, "run_count": 1}
            )
    journalled = time.perf_counter() - started
    if not session.drain(60):
        raise TimeoutError("the store did not acknowledge the records of the tasks")
    return journalled, time.perf_counter() - started


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def cpu_seconds(pid: int) -> float:
    """Return the processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def times(act: Callable[[], Any], count: int) -> list[float]:
    """Return the milliseconds of each call, in order of size."""
    found = []
    for _ in range(count):
        started = time.perf_counter()
        act()
        found.append((time.perf_counter() - started) * 1e3)
    return sorted(found)


def store_figures(tasks: int) -> dict[str, float]:
    """Load a store and ask it."""
    from penstock._ids import new_id
    from penstock._link.client import store
    from penstock._link.endpoint import read_endpoint
    from penstock._link.session import current_session
    from penstock._workspace import current_workspace

    started = time.perf_counter()
    session = current_session()
    session.drain(20)
    found = {"seconds to the first durable answer, from nothing": time.perf_counter() - started}
    client, workspace = store(), current_workspace()
    endpoint = read_endpoint(workspace)
    assert endpoint is not None
    found["MB of memory, idle"] = memory_mb(endpoint.pid)

    def transition() -> None:
        run = {"id": str(new_id()), "flow_name": "f"}
        client.request("POST", "/link/flow_runs", {"run": run, "state": {"type": "PENDING"}})

    used = cpu_seconds(endpoint.pid)
    quiet = times(transition, 200)
    found["ms of a transition, median"] = statistics.median(quiet)
    found["ms of the store's processor time per transition"] = (cpu_seconds(endpoint.pid) - used) / 200 * 1e3
    journalled, acknowledged = min(records_of_tasks(session, 1000) for _ in range(5))
    found["µs of the three records of a task, in the journal"] = journalled / 1000 * 1e6
    found["µs of the three records of a task, acknowledged"] = acknowledged / 1000 * 1e6
    flow_runs, first = [str(new_id()) for _ in range(max(1, tasks // 1000))], []
    busy, stop = [], threading.Event()

    def disturb() -> None:
        while not stop.wait(0.05):
            busy.extend(times(transition, 1))

    other = threading.Thread(target=disturb)
    other.start()
    spent, used = 0.0, cpu_seconds(endpoint.pid)
    for batch in batches(tasks, flow_runs, first):
        started = time.perf_counter()
        client.request("POST", "/link/ingest", raw=batch, query={"client": "b-1-1-aa"}, timeout=120)
        spent += time.perf_counter() - started
    found["µs per event"] = spent / (3 * tasks) * 1e6
    found["µs of the store's processor time per event"] = (
        (cpu_seconds(endpoint.pid) - used) / (3 * tasks) * 1e6
    )
    stop.set()
    other.join()
    found["ms of a transition under load, median"] = statistics.median(busy)
    found["ms of a transition under load, 99 %"] = sorted(busy)[int(len(busy) * 0.99)]
    found["MB of memory, after the load"] = memory_mb(endpoint.pid)
    for title, sql in _QUERIES.items():
        text = sql.format(run=flow_runs[len(flow_runs) // 2], task=first[0])
        ask = {"sql": text, "timeout": 60}
        asked = times(lambda ask=ask: client.request("POST", "/link/sql", ask, timeout=60), 7)
        found[f"ms of a query: {title}"] = statistics.median(asked)
    page = {"limit": 200, "sort": "EXPECTED_START_TIME_DESC"}
    asked = times(lambda: client.request("POST", "/api/task_runs/filter", page, timeout=60), 7)
    found["ms of a page over REST"] = statistics.median(asked)
    found["MB of memory, after the queries"] = memory_mb(endpoint.pid)
    client.request("POST", "/link/stop", {})
    while read_endpoint(workspace) is not None:
        time.sleep(0.05)
    found["bytes of the database per task run"] = workspace.database.stat().st_size / tasks
    return found


def main() -> None:
    """Measure one contestant and write the report."""
    contestant, tasks, report = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    figures = floor(tasks) if contestant == "bare" else store_figures(tasks)
    report.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
