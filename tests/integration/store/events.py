"""Journal lines made by hand, for tests that speak to the store as a client would."""

from __future__ import annotations

from uuid import uuid4

from penstock._journal.line import encode

START = 1_760_000_000_000_000


def hello(seq=0, pid=4242, role="driver", parent=None):
    return encode(
        seq, "hello", START + seq, {"pid": pid, "start": 1, "host": "box", "role": role, "parent": parent}
    )


def task_lines(seq, flow_run_id=None, states=("RUNNING", "COMPLETED"), task_run_id=None, inputs=None):
    """Return the lines of one task run (its creation, then its states) and its id."""
    task = task_run_id or str(uuid4())
    body = {"id": task, "flow_run_id": flow_run_id, "task_key": "t", "task_name": "t", "name": f"t-{seq}"}
    body |= {"dynamic_key": str(seq), "tags": ["x"], "inputs": inputs or {}}
    body |= {"state_id": str(uuid4()), "state_type": "PENDING", "state_name": "Pending"}
    lines = [encode(seq, "task_run", START + seq, body)]
    for number, state in enumerate(states, 1):
        lines.append(task_state(seq + number, task, state, flow_run_id))
    return lines, task


def task_state(seq, task, state, flow_run_id=None, at=None):
    body = {"run": "task", "id": task, "flow_run_id": flow_run_id, "state_id": str(uuid4()), "type": state}
    body |= {"name": state.title(), "message": None, "details": {}, "run_count": 1}
    return encode(seq, "state", START + seq if at is None else at, body)


def logs(first, count):
    return [
        encode(
            seq,
            "log",
            START + seq,
            {"flow_run_id": None, "level": 20, "logger": "l", "message": f"line {seq}"},
        )
        for seq in range(first, first + count)
    ]
