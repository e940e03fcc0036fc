"""A real client process for the tests: keeps a journal, writes events, waits to be killed or told to end."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import uuid4

from penstock._journal.writer import Journal

journal = Journal(Path(sys.argv[1]) / "journal")
print(journal.client, flush=True)
for order in sys.stdin:
    word, *rest = order.split()
    if word == "tasks":
        flow_run_id = rest[0] if rest[0] != "none" else None
        for number in range(int(rest[1])):
            task = str(uuid4())
            body = {"id": task, "flow_run_id": flow_run_id, "task_key": "t", "name": f"t-{number}"}
            body |= {"state_id": str(uuid4()), "state_type": "PENDING", "state_name": "Pending"}
            journal.emit("task_run", body)
            state = {"run": "task", "id": task, "flow_run_id": flow_run_id, "state_id": str(uuid4())}
            journal.emit("state", {**state, "type": "RUNNING", "name": "Running", "run_count": 1})
            if number % 2:
                state["state_id"] = str(uuid4())
                journal.emit("state", {**state, "type": "COMPLETED", "name": "Completed", "run_count": 1})
    elif word == "end":
        journal.close()
    print(journal.last_seq, flush=True)
