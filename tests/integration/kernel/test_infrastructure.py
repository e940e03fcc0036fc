"""A flow of a notebook on infrastructure: its code and its classes travel with it."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.kernel

SETUP = """
import os
from penstock import flow, task
from penstock._link.client import store
from penstock.workers.process import process
store().request("POST", "/api/work_pools/", {"name": "local", "type": "process"})
FACTOR = 3

class Box:
    def __init__(self, n): self.n = n

@task
def times(n): return FACTOR * n

@process(work_pool="local")
@flow
def far(n): return os.getpid(), Box(times(n))
"""


def test_a_flow_of_a_notebook_runs_in_a_process_of_a_pool(kernel):
    kernel.check(SETUP)
    reply = kernel.check("pid, box = far(2)\nprint(pid != os.getpid(), box.n, isinstance(box, Box))")
    assert reply.has("True 6 True")
    assert kernel.check("print(far.submit(5).result()[1].n)").has("15")
