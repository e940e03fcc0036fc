"""What acceptance tests need: conditions with a deadline, workspaces that end clean, the command line, processes."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import psutil

from penstock._link.client import store
from penstock._link.session import close_sessions, current_session

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 60.0
CLI = [sys.executable, "-c", "import sys; from penstock.cli import main; sys.exit(main())"]


def eventually(check, deadline=DEADLINE):
    """Return the first true answer of `check`; fail when there is none in time."""
    end = time.monotonic() + deadline
    while not (answer := check()):
        assert time.monotonic() < end, f"not true within {deadline} s: {check}"
        time.sleep(0.01)
    return answer


@contextmanager
def workspace():
    """Make a short private folder and point this process to it; its store is gone afterwards."""
    close_sessions()
    home = Path(tempfile.mkdtemp(prefix="pna-"))
    before = os.environ.get("PENSTOCK_HOME")
    os.environ["PENSTOCK_HOME"] = str(home)
    try:
        yield home
    finally:
        close_sessions()
        stop_store(home)
        shutil.rmtree(home)
        if before is None:
            del os.environ["PENSTOCK_HOME"]
        else:
            os.environ["PENSTOCK_HOME"] = before


def store_runs(home):
    """Say whether a store process holds the lock of a workspace."""
    try:
        with (home / "store.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def stop_store(home):
    if store_runs(home):
        eventually((home / "endpoint.json").exists)
        os.kill(json.loads((home / "endpoint.json").read_text())["pid"], signal.SIGTERM)
        eventually(lambda: not store_runs(home))


def rows(sql):
    """Return the rows of a SELECT as dicts, after all that this process wrote has arrived."""
    current_session().drain(DEADLINE)
    answer = store().request("POST", "/link/sql", {"sql": sql, "limit": 100_000, "timeout": DEADLINE})
    return [dict(zip([c["name"] for c in answer["columns"]], row, strict=True)) for row in answer["rows"]]


def settled(run_id, tasks):
    """Wait until the states of workers have arrived too: `tasks` task runs, and every one at its end."""
    over = f"""SELECT count(*) AS n FROM task_runs WHERE flow_run_id = '{run_id}'
        AND (state_type IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED') OR state_name = 'NotReady')"""
    eventually(lambda: rows(over)[0]["n"] == tasks)


def command(*arguments, home, text=None, timeout=60, **env):
    """Run `penstock ...` in a process of its own; return its exit code, output and errors."""
    done = subprocess.run(
        [*CLI, *arguments],
        env={**os.environ, "PENSTOCK_HOME": str(home), "COLUMNS": "200", **env},
        input=text,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@contextmanager
def script(path, *arguments, home, **env):
    """Start a Python script in a process group of its own; nothing of it is left afterwards."""
    log = tempfile.TemporaryFile("w+")  # noqa: SIM115  # read after the process has ended
    process = subprocess.Popen(
        [sys.executable, str(path), *map(str, arguments)],
        env={**os.environ, "PENSTOCK_HOME": str(home), "PYTHONUNBUFFERED": "1", **env},
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    process.output = lambda: (log.seek(0), log.read())[1]
    try:
        yield process
    finally:
        family = descendants(process.pid)
        if process.poll() is None:
            process.kill()
        process.wait(DEADLINE)
        kill_all(family)
        log.close()


def descendants(pid):
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def command_line(process):
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def marked(mark):
    """Return the living processes that inherited PENSTOCK_TEST_MARK with this value."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("PENSTOCK_TEST_MARK") == mark and lives(process):
                found.append(process)
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def kill_all(processes):
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def gone(processes, deadline=DEADLINE):
    """Wait until processes have ended; one that its parent has not collected yet has."""
    eventually(lambda: not [p for p in processes if lives(p)], deadline)


def lives(process):
    """Say whether a process has not ended; one that its parent has not collected yet has."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
