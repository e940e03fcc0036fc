"""What contact with a store leaves behind in a process: no socket, no zombie, no warning."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import psutil

from penstock._link.client import store


def sockets() -> int:
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except FileNotFoundError:  # the folder's own
            continue
    return found


def test_threads_that_end_take_their_connection_with_them(own_home):
    def ask() -> None:
        answers.append(store().request("GET", "/api/health"))

    store().request("GET", "/api/health")
    before, answers = sockets(), []
    for _ in range(20):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join(60)
    assert answers == [True] * 20
    assert sockets() <= before


def test_a_store_that_was_killed_is_no_zombie_after_the_next_contact(own_home, script):
    """Also when another process has started the next one."""
    store().request("GET", "/api/health")
    first = json.loads((own_home / "endpoint.json").read_text())["pid"]
    os.kill(first, signal.SIGKILL)
    script("from penstock._link.client import store; store().request('GET', '/api/health')")
    assert store().request("GET", "/api/health") is True
    second = json.loads((own_home / "endpoint.json").read_text())["pid"]
    assert second != first
    zombies = [p.pid for p in psutil.Process().children() if p.status() == psutil.STATUS_ZOMBIE]
    assert first not in zombies


def test_a_process_that_started_a_store_ends_without_warnings(own_home: Path, script):
    done = script(
        """
        import os, signal, sys, threading, warnings
        warnings.simplefilter("always")
        from penstock import flow, task
        from penstock._link.client import store

        @task
        def one():
            return 1

        @flow
        def ones():
            return sum(future.result() for future in [one.submit() for _ in range(5)])

        print(ones())
        thread = threading.Thread(target=lambda: store().request("GET", "/api/health"))
        thread.start(); thread.join()
        print(store().request("GET", "/api/health"))
        """,
        PYTHONWARNINGS="always::ResourceWarning",
    )
    assert done.stdout.split() == ["5", "True"]
    assert "Warning" not in done.stderr
    assert "Exception ignored" not in done.stderr
