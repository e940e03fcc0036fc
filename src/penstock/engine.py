"""A process that runs one flow run: ``python -m penstock.engine``. Reference page: api-ref/python/prefect-engine.

`PENSTOCK__FLOW_RUN_ID` says which run, `PENSTOCK__FLOW_ENTRYPOINT` where its flow is; without that, its deployment does.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any
from uuid import UUID

from penstock._engine.endings import handle_engine_signals as handle_engine_signals


def main() -> None:
    """Run the flow run of this process to its end."""
    from penstock.flow_engine import load_flow_run, run_flow

    run_id = UUID(os.environ.pop("PENSTOCK__FLOW_RUN_ID"))
    with handle_engine_signals(run_id):
        flow_run = load_flow_run(run_id)
        flow = _flow_of(run_id, flow_run.deployment_id)
        running = run_flow(flow, flow_run, return_type="state")
        if flow.isasync:
            asyncio.run(running)


def _flow_of(run_id: UUID, deployment_id: UUID | None) -> Any:
    """Return the flow of a run; when it cannot be loaded, the run says so."""
    from penstock._loading.deployed import load_deployed_flow

    try:
        return load_deployed_flow(deployment_id, os.environ.get("PENSTOCK__FLOW_ENTRYPOINT"))
    except Exception as error:
        _crash(run_id, f"The flow could not be loaded: {error}")
        raise


def _crash(run_id: UUID, message: str) -> None:
    from penstock._link.client import path_of, store
    from penstock._values.states import State, StateType

    state = State(StateType.CRASHED, message=message)
    store().request("POST", path_of("link", "flow_runs", run_id, "propose"), {"state": state.to_json()})


__all__ = ["handle_engine_signals", "main"]

if __name__ == "__main__":
    main()
