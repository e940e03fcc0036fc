"""Executing a bundle: here, or in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock._deploying.bundles import SerializedBundle, open_bundle

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess


def execute_bundle(bundle: SerializedBundle) -> Any:
    """Run the flow run of a bundle here and return its last state; a coroutine, when the flow is async."""
    from penstock.flow_engine import run_flow

    flow, flow_run, parameters, context = open_bundle(bundle)
    return run_flow(flow, flow_run, parameters, return_type="state", context=context)


def execute_bundle_in_subprocess(
    bundle: SerializedBundle, env: Mapping[str, str | None] | None = None, cwd: Path | str | None = None
) -> SpawnProcess:
    """Start a process that runs the flow run of a bundle, and return it at once.

    Args:
        bundle: from `create_bundle_for_flow_run`.
        env: variables on top of this process's; None takes one away.
        cwd: where the process works.
    """
    import multiprocessing

    arguments = (bundle, dict(env or {}), str(cwd) if cwd is not None else None)
    process = multiprocessing.get_context("spawn").Process(target=_in_subprocess, args=arguments)
    process.start()
    return process


def _in_subprocess(bundle: SerializedBundle, env: dict[str, str | None], cwd: str | None) -> None:
    import asyncio
    import os
    from inspect import iscoroutine
    from uuid import UUID

    from penstock._engine.endings import handle_engine_signals

    for name, value in env.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    if cwd is not None:
        os.chdir(cwd)
    with handle_engine_signals(UUID(bundle["flow_run"]["id"])):
        running = execute_bundle(bundle)
        if iscoroutine(running):
            asyncio.run(running)
