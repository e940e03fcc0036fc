"""What may go wrong with the store process, with real processes: a test for each kind of fault."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

from penstock._link.endpoint import process_state

from .conftest import StoreProcess, eventually
from .test_cli import penstock

HERE = Path(__file__).parent
FLOW = """
from penstock import flow, task

@task
def double(x):
    return 2 * x

@flow
def numbers(n=20):
    return sum(double.map(range(n)).result())

if __name__ == "__main__":
    print(numbers())
"""


class Place(StoreProcess):
    """A workspace whose store is started by its clients."""

    def program(self, code, *, wait=True, **env):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**self.env, **env},
        )
        self.processes.append(process)
        if not wait:
            return process
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        return out, err

    def holder(self):
        return json.loads((self.home / "store.lock").read_text())

    def store_gone(self):
        from penstock._workspace import Workspace, lock_holder

        return lock_holder(Workspace(self.home)) is None

    def close(self):
        super().close()
        for process in self.processes:
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
        eventually(self.all_killed)

    def all_killed(self):
        """Kill what serves this workspace; one that lost the race for it may still be starting, and would inherit it."""
        serving = list(self.stores())
        for pid in serving:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not serving and self.store_gone()

    def stores(self):
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and str(self.home).encode() in (entry / "cmdline").read_bytes().split(
                    b"\0"
                ):
                    yield int(entry.name)


@pytest.fixture
def place(home):
    made = Place(home, PENSTOCK_STORE_IDLE_SECONDS="60", PENSTOCK_LOGGING_LEVEL="WARNING")
    yield made
    made.close()


def test_fifty_clients_that_start_at_once_get_one_store(place):
    out, _ = place.program("""
        import os, json
        from penstock._link.client import store
        read, write = os.pipe()
        for number in range(50):
            if os.fork() == 0:
                said = store().request("POST", "/link/hello", {"client": f"c{number}"})
                os.write(write, f"{said['pid']}\\n".encode())
                os._exit(0)
        for _ in range(50):
            assert os.wait()[1] == 0
        print(os.read(read, 10_000).decode())
    """)
    pids = out.split()
    assert len(pids) == 50
    assert set(pids) == {str(place.holder()["pid"])}


def test_what_a_killed_store_left_behind_misleads_nobody(place):
    """Its socket, its endpoint and its lock text stay, and its pid may be another process by now."""
    place.program(FLOW)
    old = place.endpoint
    os.kill(old["pid"], signal.SIGKILL)
    eventually(place.store_gone)
    for name in ("endpoint.json", "store.lock"):
        path = place.home / name
        path.write_text(path.read_text().replace(str(old["pid"]), str(os.getpid())))
    assert (place.home / "store.sock").exists()
    code, said, _ = penstock(place, "doctor")
    assert (code, "not running" in said, "left over from process" in said) == (0, True, True)
    assert penstock(place, "server", "status")[0] == 3
    place.program(FLOW)
    assert place.endpoint["pid"] not in (old["pid"], os.getpid())
    assert place.sql("SELECT count(*) FROM runs WHERE state_type = 'COMPLETED'") == [[2]]


def test_a_pid_that_went_to_another_process_is_not_the_store():
    start = int(Path("/proc/self/stat").read_bytes().rsplit(b")", 1)[1].split()[19])
    assert process_state(os.getpid(), start) in ("R", "S")
    assert process_state(os.getpid(), start - 1) is None
    assert process_state(2**22 + 1, None) is None


def test_a_stopped_store_costs_events_nothing_and_is_named_to_who_waits(place):
    place.start()
    pid = place.endpoint["pid"]
    out, _ = place.program(
        """
        import os, signal, time
        from penstock._link.client import store
        from penstock._link.session import current_session
        from penstock.exceptions import StoreUnavailable
        session = current_session()
        assert session.drain(20)
        pid = store().request("POST", "/link/hello", {"client": "me"})["pid"]
        os.kill(pid, signal.SIGSTOP)
        begin = time.perf_counter()
        for number in range(2000):
            session.emit("log", {"level": 20, "message": str(number)})
        print(time.perf_counter() - begin)
        try:
            store().request("GET", "/api/version", timeout=0.5)
        except StoreUnavailable as error:
            print(error)
        from penstock.cli import main
        import sys
        sys.argv = ["penstock", "doctor"]
        try:
            main()
        except SystemExit as end:
            print("doctor", end.code)
        os.kill(pid, signal.SIGCONT)
        print("drained", session.drain(20))
        """,
    )
    lines = out.splitlines()
    assert float(lines[0]) < 2
    assert f"(pid {pid}) is stopped (`kill -CONT {pid}`" in lines[1]
    assert f"! store: it is stopped; run: kill -CONT {pid}" in out
    assert lines[-2:] == ["doctor 1", "drained True"]
    assert place.sql("SELECT count(*), count(DISTINCT message) FROM logs") == [[2000, 2000]]


def test_nobody_takes_the_place_of_a_store_that_is_only_stopped(place):
    place.start()
    place.processes[0].send_signal(signal.SIGSTOP)
    assert place.spawn().wait(20) == 75
    place.processes[0].send_signal(signal.SIGCONT)
    assert place.get("/api/health").status == 200


@pytest.mark.slow
def test_a_flow_outlives_a_store_that_is_stopped_for_ten_seconds(place):
    place.start()
    runner = place.program(FLOW.replace("print(numbers())", "print(numbers(200))"), wait=False)
    eventually(lambda: place.sql("SELECT count(*) FROM runs") == [[1]])
    place.processes[0].send_signal(signal.SIGSTOP)
    time.sleep(10)
    place.processes[0].send_signal(signal.SIGCONT)
    out, err = runner.communicate(timeout=60)
    assert (runner.returncode, out.strip()) == (0, str(sum(range(200)) * 2)), err
    counted = place.sql("SELECT state_type, count(*) FROM task_runs GROUP BY ALL")
    assert counted == [["COMPLETED", 200]]
    assert place.sql("SELECT state_type FROM runs") == [["COMPLETED"]]


def other_version(place, protocol):
    process = subprocess.Popen(
        [sys.executable, str(HERE / "other_version.py"), str(protocol), "--home", str(place.home)],
        env=place.env,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(place.home / "store.log").open("ab"),
    )
    place.processes.append(process)
    eventually(lambda: place.answers(process))
    return process


def test_an_older_store_hands_over_in_good_order(place):
    older = other_version(place, 0)
    run = place.create("RUNNING")
    assert place.endpoint["protocol"] == 0
    place.program(FLOW)
    assert older.wait(10) == 0
    assert (place.endpoint["protocol"], place.endpoint["pid"] != older.pid) == (1, True)
    assert place.get(f"/api/flow_runs/{run}").json["state_type"] == "RUNNING"
    assert place.sql("SELECT count(*) FROM runs") == [[2]]


def test_a_store_one_version_newer_serves_us(place):
    newer = other_version(place, 2)
    place.program(FLOW)
    assert place.endpoint["pid"] == newer.pid
    assert place.sql("SELECT count(*) FROM runs") == [[1]]


def test_a_store_too_new_is_left_alone_and_says_what_to_do(place):
    newer = other_version(place, 3)
    runner = place.program(FLOW, wait=False)
    out, err = runner.communicate(timeout=30)
    assert (runner.returncode, out) == (0, "380\n")
    assert "goes on without a store process, journalled only" in err
    assert f"process {newer.pid}, protocol 3); this one speaks protocol 1 only. Upgrade Penstock here" in err
    assert newer.poll() is None
    assert place.post("/link/hello", {"client": "c", "protocol": 1}).status == 426


def test_a_database_of_a_newer_penstock_is_refused_at_once_and_left_as_it_is(place):
    import duckdb

    place.start()
    place.stop()
    path = place.home / "store.duckdb"
    with duckdb.connect(str(path)) as database:
        database.execute("INSERT INTO raw.schema_version VALUES (9999, 0)")
    before, began = path.read_bytes(), time.monotonic()
    runner = place.program(FLOW, wait=False)
    out, err = runner.communicate(timeout=30)
    assert (runner.returncode, out) == (0, "380\n")
    assert "schema version 9999" in err
    assert "Upgrade Penstock, or set PENSTOCK_HOME" in err
    assert time.monotonic() - began < 10
    assert path.read_bytes() == before


def test_the_store_shares_no_process_group_with_who_started_it_and_goes_when_idle(home):
    place = Place(home, PENSTOCK_STORE_IDLE_SECONDS="0.5", PENSTOCK_LOGGING_LEVEL="WARNING")
    try:
        kernel = place.program(
            """
            import os, time
            from penstock._link.client import store
            print(store().request("POST", "/link/hello", {"client": "kernel"})["pid"], os.getpgid(0), os.getsid(0), flush=True)
            from penstock._link.session import current_session
            current_session()
            time.sleep(60)
            """,
            wait=False,
        )
        pid, group, session = map(int, kernel.stdout.readline().split())
        assert (os.getpgid(pid), os.getsid(pid)) == (pid, pid)
        assert pid not in (group, session)
        kernel.kill()
        kernel.wait(10)
        eventually(place.store_gone)
        assert not (home / "endpoint.json").exists()
        eventually(lambda: process_state(pid, None) in (None, "Z"))
    finally:
        place.close()


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "aarch64"), reason="needs the numbers of system calls"
)
def test_where_no_process_can_be_started_the_store_runs_here(place):
    out, err = place.program(f"""
        import os, sys, subprocess, threading
        sys.path.insert(0, {str(HERE)!r})
        from no_exec import forbid_exec
        forbid_exec()
        {textwrap.indent(FLOW, " " * 8).strip()}
        import json
        from penstock._link.client import store
        numbers()
        about = json.load(open({str(place.home / "endpoint.json")!r}))
        print(about["pid"] == os.getpid())
        # A child that outlives us must not keep our successor from the lock.
        if os.fork() == 0:
            os.close(1), os.close(2)
            import time
            time.sleep(20)
            os._exit(0)
    """)
    assert out.split() == ["380", "True"]
    said = [line for line in err.splitlines() if "No store process can be started" in line]
    assert len(said) == 1, err
    assert "runs in this process and ends with it" in said[0]
    assert place.store_gone()
    assert not (place.home / "endpoint.json").exists()
    place.start()
    assert place.sql("SELECT state_type, count(*) FROM task_runs GROUP BY ALL") == [["COMPLETED", 40]]
    assert place.sql("SELECT DISTINCT state_type FROM runs") == [["COMPLETED"]]


def test_a_forked_child_talks_to_the_store_under_its_own_name(place):
    out, _ = place.program("""
        import os
        from penstock._link.client import store
        from penstock._link.session import current_session
        mine = current_session().client
        current_session().emit("log", {"level": 20, "message": "parent"})
        read, write = os.pipe()
        if (child := os.fork()) == 0:
            session = current_session()
            session.emit("log", {"level": 20, "message": "child"})
            os.write(write, f"{session.client} {session.drain(20)}".encode())
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print(mine, os.read(read, 1000).decode(), current_session().drain(20))
    """)
    parent, child, *drained = out.split()
    assert (parent != child, drained) == (True, ["True", "True"])
    assert sorted(place.sql("SELECT message, client FROM logs")) == [["child", child], ["parent", parent]]


@contextlib.contextmanager
def mounted(folder, options):
    """A file system of its own at `folder`; needs root."""
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", options, "x", folder], check=False).returncode
    ):
        pytest.skip("file systems cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def short():
    """A folder for temporary files whose path leaves room for that of a socket."""
    path = Path(tempfile.mkdtemp(prefix="pst-"))
    yield path
    shutil.rmtree(path)


def test_a_workspace_that_cannot_be_written_is_replaced_by_a_temporary_one(place, short):
    with mounted(place.home, "size=1m,ro"):
        out, err = place.program(FLOW, TMPDIR=str(short))
        assert out.strip() == "380"
        said = re.findall(r"cannot be written: runs are recorded in (\S+) for now", err)
        assert len(said) == 1, err
        instead = Place(Path(said[0]))
        try:
            assert instead.home.parent == short
            assert instead.sql("SELECT state_type FROM runs") == [["COMPLETED"]]
            code, report, _ = penstock(Place(place.home, TMPDIR=str(short)), "doctor")
            assert (code, "(temporary)" in report) == (1, True)
        finally:
            instead.post("/link/stop")
            instead.close()


def test_a_full_disk_fails_no_run_and_loses_nothing(place):
    with mounted(place.home, "size=24m,mode=0700"):
        place.start()
        place.create("COMPLETED")
        runner = place.program(
            """
            import os, sys
            from penstock import flow, task
            from penstock._link.session import current_session

            filler = os.path.join(os.environ["PENSTOCK_HOME"], "filler")

            @task
            def double(x):
                return 2 * x

            @flow
            def numbers():
                try:
                    with open(filler, "wb", buffering=0) as file:
                        while True:
                            file.write(bytes(4096))
                except OSError:
                    pass
                total = sum(double.map(range(200)).result())
                os.unlink(filler)
                return total

            print(numbers())
            print(current_session().drain(30))
            """,
            wait=False,
        )
        out, _ = runner.communicate(timeout=90)
        assert out.split() == ["39800", "True"], place.log()
        place.program(FLOW)
        assert place.sql("SELECT state_type, count(*) FROM task_runs GROUP BY ALL") == [["COMPLETED", 220]]
        assert place.sql("SELECT DISTINCT state_type FROM runs") == [["COMPLETED"]]
        place.stop()
        place.close()


def test_a_port_that_is_taken_is_said_at_once(cold):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert cold.spawn("--foreground", "--port", str(port)).wait(20) == 78
    assert f"cannot listen on 127.0.0.1:{port}" in cold.log()


def test_a_store_in_the_background_stays_until_it_is_told_to_go(home):
    place = Place(home, PENSTOCK_STORE_IDLE_SECONDS="0.2")
    try:
        code, said, err = penstock(place, "server", "start", "--background", "--port", "0")
        assert code == 0, err
        assert f"process {place.endpoint['pid']}" in said
        code, said, _ = penstock(place, "server", "status")
        assert (code, f"http://127.0.0.1:{place.endpoint['tcp_port']}/api" in said) == (0, True)
        assert penstock(place, "server", "start")[0] == 1
        assert penstock(place, "server", "stop")[0] == 0
        assert place.store_gone()
        assert penstock(place, "server", "status")[0] == 3
    finally:
        place.close()
