"""Every way a process may end or multiply: nothing it wrote is lost, nobody inherits its journal."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from .conftest import StoreProcess, eventually
from .inside import whole_lines

TASKS = 30
ENDINGS = {
    "in good order": "",
    "sys.exit": "sys.exit(3)",
    "an exception": "raise RuntimeError('the end')",
    "an interrupt": "signal.signal(signal.SIGINT, signal.default_int_handler)\nos.kill(os.getpid(), signal.SIGINT)",
    "os._exit": "os._exit(0)",
    "SIGTERM": "os.kill(os.getpid(), signal.SIGTERM)",
    "SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",
    "a daemon thread that goes on": """
        begun = threading.Event()
        def go_on():
            while True:
                log("from the thread")
                begun.set()
        threading.Thread(target=go_on, daemon=True).start()
        begun.wait()
    """,
    "a last word while everything is taken down": """
        class Last:
            def __del__(self):
                log("the last word")
        last = Last()
        cycle = [last]
        cycle.append(cycle)
        del last
    """,
}
PROGRAM = """
import os, signal, sys, threading
from penstock import flow, task
from penstock._link.session import current_session

def log(message):
    current_session().emit("log", {{"level": 20, "logger": "l", "message": message}})

@task
def double(x):
    return 2 * x

@flow
def numbers():
    return sum(double.map(range({tasks})).result())

print(numbers(), current_session().client, flush=True)
{ending}
"""


@pytest.fixture(scope="module")
def served():
    path = Path(tempfile.mkdtemp(prefix="pst-"))
    process = StoreProcess(path, PENSTOCK_STORE_IDLE_SECONDS="120").start()
    yield process
    process.close()
    shutil.rmtree(path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_is_lost_whichever_way_a_process_ends(served, ending):
    code = PROGRAM.format(tasks=TASKS, ending=textwrap.dedent(ENDINGS[ending]))
    done = subprocess.run(
        [sys.executable, "-c", code], env=served.env, timeout=60, capture_output=True, text=True, check=False
    )
    total, client = done.stdout.split()
    assert int(total) == TASKS * (TASKS - 1)
    eventually(lambda: (served.home / "journal" / "archive" / f"{client}.jsonl").exists())
    lines = whole_lines(served.home)[client]
    states = sum(line.kind in ("task_run", "state") for line in lines)
    logs = sum(line.kind == "log" for line in lines)
    assert states == 3 * TASKS
    assert served.sql(f"SELECT count(*) FROM raw.task_state WHERE client = '{client}'") == [[states]]
    assert served.sql(f"SELECT count(*) FROM raw.log WHERE client = '{client}'") == [[logs]]
    finished = served.sql(
        f"SELECT state_type, count(*) FROM task_runs WHERE client = '{client}' GROUP BY ALL"
    )
    assert finished == [["COMPLETED", TASKS]]
    assert served.sql("SELECT count(*) FROM runs WHERE state_type <> 'COMPLETED'") == [[0]]


#: Starts children while another thread writes; each says its name and how many lines it wrote.
FAMILY = """
import json, multiprocessing, sys, threading
from concurrent.futures import ProcessPoolExecutor
from penstock._link.session import close_sessions, current_session

def child(number):
    session = current_session()
    for line in range(20):
        session.emit("log", {"level": 20, "logger": "child", "message": str(line)})
    assert session.drain(20)
    return session.client

def child_process(number, names):
    names.put(child(number))
    close_sessions()

if __name__ == "__main__":
    method, how, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    context = multiprocessing.get_context(method)
    session, stop = current_session(), threading.Event()

    def write():
        while not stop.is_set():
            session.emit("log", {"level": 20, "logger": "parent", "message": "busy"})
            stop.wait(0.0005)

    busy = threading.Thread(target=write)
    busy.start()
    try:
        if how == "pool":
            with ProcessPoolExecutor(2, mp_context=context) as pool:
                found = list(pool.map(child, range(count)))
        else:
            names, found = context.Queue(), []
            for first in range(0, count, 5):
                children = [context.Process(target=child_process, args=(n, names)) for n in range(first, first + 5)]
                for process in children:
                    process.start()
                found += [names.get(timeout=60) for _ in children]
                for process in children:
                    process.join(60)
                    assert process.exitcode == 0, process.exitcode
    finally:
        stop.set()
        busy.join()
    print(json.dumps([session.client, found]))
"""


@pytest.mark.parametrize("how", ["processes", "pool"])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.filterwarnings("ignore")
def test_children_have_journals_of_their_own_and_nobody_waits_for_ever(
    served, tmp_path, method, how, nightly
):
    script = tmp_path / "family.py"
    script.write_text(FAMILY)
    count = {"fork": 20, "spawn": 5, "forkserver": 5}[method] * (5 if nightly else 1)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script), method, how, str(count)],
        env=served.env,
        timeout=100,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    parent, children = json.loads(done.stdout)
    assert len(children) == count
    assert parent not in children
    assert len(set(children)) == (count if how == "processes" else len(set(children)))
    names = {parent, *children}
    eventually(
        lambda: all((served.home / "journal" / "archive" / f"{name}.jsonl").exists() for name in names)
    )
    lines = whole_lines(served.home)
    for name in names:
        assert [line.seq for line in lines[name]] == list(range(len(lines[name])))
        said = {line.body["logger"] for line in lines[name] if line.kind == "log"}
        assert said == {"parent" if name == parent else "child"}
        count_of = sum(line.kind == "log" for line in lines[name])
        assert served.sql(f"SELECT count(*) FROM raw.log WHERE client = '{name}'") == [[count_of]]
    assert sum(line.kind == "log" for name in set(children) for line in lines[name]) == 20 * count


def test_a_child_that_lives_on_does_not_keep_its_parent_alive(served):
    code = """
    import os, sys
    from penstock._link.session import current_session
    session = current_session()
    print(session.client, flush=True)
    if os.fork() == 0:
        sys.stdout.close()
        os.close(1)
        sys.stdin.read()  # until the test lets go
        os._exit(0)
    os._exit(0)
    """
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        env=served.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    client = process.stdout.readline().strip()
    try:
        eventually(lambda: (served.home / "journal" / "archive" / f"{client}.jsonl").exists())
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(20)


RUNNING = """
from penstock import flow
import time

@flow
def long():
    print("runs", flush=True)
    time.sleep(600)

long()
"""


@pytest.mark.parametrize("both", [False, True], ids=["the driver", "the driver and the store"])
def test_no_run_stays_running_after_its_process_was_killed(cold, both):
    store = cold.start()
    driver = subprocess.Popen(
        [sys.executable, "-c", RUNNING], env=store.env, stdout=subprocess.PIPE, text=True
    )
    try:
        assert driver.stdout.readline() == "runs\n"
        assert store.sql("SELECT state_type FROM runs") == [["RUNNING"]]
    finally:
        driver.kill()
        driver.wait(20)
        driver.stdout.close()
    if both:
        store.kill()
        hello = "from penstock import flow\n@flow\ndef other():\n    return 1\nother()"
        subprocess.run([sys.executable, "-c", hello], env=store.env, check=True, timeout=60)
    sql = "SELECT state_type FROM runs WHERE flow_name = 'long'"
    try:
        eventually(lambda: store.sql(sql) == [["CRASHED"]], 30)
    finally:
        if both:
            store.post("/link/stop")
            eventually(lambda: not (store.home / "endpoint.json").exists())
