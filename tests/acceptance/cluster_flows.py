"""Tasks and flows that try a cluster: big values, crashes, things that cannot be pickled."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import cloudpickle

from penstock import flow, task
from penstock.runtime import flow_run

cloudpickle.register_pickle_by_value(sys.modules[__name__])

BIG = 50_000_000


@task
def big_block():
    import numpy as np

    return np.ones(BIG, dtype="uint8")


@task
def weigh(block):
    return int(block.sum())


@task
def echo(x):
    return x


@task
def add_one(x):
    return x + 1


@task
def die():
    os.kill(os.getpid(), signal.SIGKILL)


@task
def die_once(marker):
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


@task(log_prints=True)
def shout(n):
    print(f"#{n}")


LOCK = threading.Lock()


@task
def uses_a_lock(x):
    with LOCK:
        return x


@flow
def pass_big_on():
    block = big_block.submit()
    weighed = [weigh.submit(block) for _ in range(3)]
    return [future.result() for future in weighed], block


@flow
def return_big():
    return big_block.submit(return_state=True)


@flow
def chain(length):
    value = 0
    for _ in range(length):
        value = add_one.submit(value)
    return value.result()


@flow
def one_dies():
    before = echo.submit("before")
    dead = die.submit()
    after = echo.submit("after", wait_for=[before])
    dead.wait()
    return str(flow_run.id), before.result(), dead.state, after.result()


@flow
def dies_once(marker):
    return die_once.submit(marker).result()


@flow
def send(value):
    state = echo.submit(value, return_state=True)
    return str(flow_run.id), state, echo.submit("fine").result()


@flow
def send_lock():
    return uses_a_lock.submit(1, return_state=True)


@flow
def shout_all(n):
    shout.map(range(n)).wait()
    return str(flow_run.id)


@flow
def many(n):
    return echo.map(range(n)).result()


@task
def resources():
    import ray

    return ray.get_runtime_context().get_assigned_resources()


@task
def wait_for_file(path):
    while not Path(path).exists():
        time.sleep(0.01)


@task
def write_line(path, line):
    with Path(path).open("a") as file:
        file.write(line + "\n")
