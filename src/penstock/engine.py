"""A process that runs one flow run: ``python -m penstock.engine``. Reference page: api-ref/python/prefect-engine.

`PENSTOCK__FLOW_RUN_ID` says which run, `PENSTOCK__FLOW_BUNDLE` or `PENSTOCK__FLOW_ENTRYPOINT` where its flow is; without
them, its deployment does.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any
from uuid import UUID

from penstock._engine.endings import handle_engine_signals as handle_engine_signals

if TYPE_CHECKING:
    from penstock._values.runs import FlowRun


def main() -> None:
    """Run the flow run of this process to its end."""
    from penstock.flow_engine import load_flow_run, run_flow

    run_id, url = UUID(os.environ.pop("PENSTOCK__FLOW_RUN_ID")), os.environ.pop("PENSTOCK__FLOW_BUNDLE", None)
    with handle_engine_signals(run_id):
        flow_run = load_flow_run(run_id)
        flow, parameters, context = _flow_of(flow_run, url)
        running = run_flow(flow, flow_run, parameters, return_type="state", context=context)
        if flow.isasync:
            asyncio.run(running)


def _flow_of(flow_run: FlowRun, url: str | None) -> tuple[Any, Any, Any]:
    """Return the flow of a run, and arguments and context if they travelled with it; the run says when it cannot."""
    try:
        if url is not None:
            from penstock._deploying.bundles import get_bundle, open_bundle

            flow, _, parameters, context = open_bundle(get_bundle(url))
            return flow, parameters, context
        from penstock.flow_engine import load_flow

        return load_flow(flow_run), None, None
    except Exception as error:
        _crash(flow_run.id, f"The flow could not be loaded: {error}")
        raise


def _crash(run_id: UUID, message: str) -> None:
    from penstock._link.client import path_of, store
    from penstock._values.states import State, StateType

    state = State(StateType.CRASHED, message=message)
    store().request("POST", path_of("link", "flow_runs", run_id, "propose"), {"state": state.to_json()})


__all__ = ["handle_engine_signals", "main"]

if __name__ == "__main__":
    main()
