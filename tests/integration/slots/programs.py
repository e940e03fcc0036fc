"""Programs that tests of slots run in processes of their own."""

from __future__ import annotations

PROGRAMS: dict[str, str] = {}

#: Takes and gives back slots, and writes down when, on the clock that all processes of a machine share.
PROGRAMS["contender"] = """
import json, random, sys, time
from penstock.concurrency.sync import concurrency

seed, count, out, *names = sys.argv[1:]
rng = random.Random(int(seed))
with open(out, "w") as file:
    for number in range(int(count)):
        wanted = rng.sample(names, rng.randint(1, len(names)))
        slots, timeout = rng.randint(1, 2), rng.choice([None, None, 0.02])
        done = {"names": wanted, "slots": slots, "asked": time.monotonic_ns(), "got": None, "gave": None}
        try:
            with concurrency(wanted, occupy=slots, timeout_seconds=timeout):
                done["got"] = time.monotonic_ns()
                time.sleep(rng.random() * 0.002)
                done["gave"] = time.monotonic_ns()
        except TimeoutError:
            pass
        done["ended"] = time.monotonic_ns()
        file.write(json.dumps(done) + "\\n")
"""

#: Forks children that take a slot each (or wait for one), and kills them all.
PROGRAMS["killer"] = """
import os, signal, sys, threading, time

cycles, children, names = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
from penstock.concurrency.sync import concurrency
import penstock._link.http, penstock._link.slot_desk

for cycle in range(cycles):
    pids, ends = [], []
    for _ in range(children):
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            with concurrency(names):
                os.write(write, b"x")
                threading.Event().wait()
        os.close(write)
        pids.append(pid)
        ends.append(read)
    print("forked", flush=True)
    assert sys.stdin.readline().strip() == "kill"
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for pid in pids:
        os.waitpid(pid, 0)
    inside = 0
    for read in ends:
        inside += os.read(read, 1) == b"x"
        os.close(read)
    print(inside, flush=True)
    assert sys.stdin.readline().strip() == "next"
"""

#: A flow whose task keeps the interpreter to itself, inside a C call, while it holds a slot.
PROGRAMS["busy"] = """
import ctypes, sys
from penstock import flow, task
from penstock.concurrency.sync import concurrency

name, seconds = sys.argv[1], int(sys.argv[2])
libc = ctypes.PyDLL(None)  # PyDLL does not let go of the interpreter's lock

@task
def compute():
    with concurrency(name, lease_duration=60):
        libc.sleep(seconds)

@flow
def busy():
    compute()

busy()
"""

#: Makes runs that are in a given state, and dies before anything else.
PROGRAMS["stillborn"] = """
import os, signal, sys
from uuid import uuid4
from penstock._ids import new_id
from penstock._link.session import current_session

session = current_session()
run, name = str(new_id()), sys.argv[2]
print(run, flush=True)
body = {"id": run, "flow_name": name, "client": session.client}
session.store.request("POST", "/link/flow_runs", {"run": body, "state": {"type": "PENDING"}})
for step in sys.argv[1].split(",")[1:]:
    session.store.request(
        "POST", f"/link/flow_runs/{run}/propose", {"state": {"type": step}, "client": session.client}
    )
for flow_run in (run, None):
    session.emit("task_run", {
        "id": str(new_id()), "flow_run_id": flow_run, "task_name": name, "name": name, "state_id": str(new_id()),
        "state_type": "PENDING", "client": session.client,
    })
os.kill(os.getpid(), signal.SIGKILL)
"""

#: A flow of tasks in worker processes that say who they are, and wait for a file to end. A second driver goes on
#: with the run; then the tasks do not wait.
PROGRAMS["driver"] = """
import os, sys, time
from pathlib import Path
from penstock import flow, task
from penstock.task_runners import ProcessPoolTaskRunner

folder, count, tag = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
first = not os.environ.get("PENSTOCK__FLOW_RUN_ID")

@task(tags=[tag])
def work(number, first):
    from penstock.runtime import task_run
    if first:
        # Like a worker on another machine, this one does not see that its driver dies.
        driver = os.getppid()
        os.getppid = lambda: driver
        (folder / f"{number}.pid").write_text(f"{os.getpid()} {task_run.id}")
        while not (folder / "go").exists():
            time.sleep(0.01)
    return number

@flow(task_runner=ProcessPoolTaskRunner(max_workers=count))
def taken_over():
    from penstock.runtime import flow_run
    (folder / "run").write_text(flow_run.id)
    return sum(future.result() for future in [work.submit(number, first) for number in range(count)])

if __name__ == "__main__":
    print(taken_over(), flush=True)
"""

#: A flow that waits for a slot for ever.
PROGRAMS["waiter"] = """
import sys
from penstock import flow, task
from penstock.concurrency.sync import concurrency

@task
def wait():
    with concurrency(sys.argv[1]):
        raise AssertionError("not reached")

@task(tags=[sys.argv[1].removeprefix("tag:")])
def wait_for_tag():
    raise AssertionError("not reached")

@flow
def waiter():
    from penstock.runtime import flow_run
    print(flow_run.id, flush=True)
    if sys.argv[2] == "tag":
        return wait_for_tag.submit().result()
    return wait.submit().result() if sys.argv[2] == "thread" else wait()

waiter(return_state=True)
"""
