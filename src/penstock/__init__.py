"""Penstock: workflow orchestration that lives in the notebook.

    from penstock import flow, task

Importing this package loads nothing heavy, reads no configuration and starts nothing; names are fetched from
their modules on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock import runtime as runtime
    from penstock._deploying.serving import aserve as aserve
    from penstock._deploying.serving import deploy as deploy
    from penstock._deploying.serving import serve as serve
    from penstock._engine.run_logging import get_run_logger as get_run_logger
    from penstock._flow import Flow as Flow
    from penstock._flow import flow as flow
    from penstock._query import query as query
    from penstock._values.annotations import allow_failure as allow_failure
    from penstock._values.annotations import unmapped as unmapped
    from penstock._values.states import State as State
    from penstock.client.orchestration import get_client as get_client
    from penstock.context import tags as tags
    from penstock.flow_runs import apause_flow_run as apause_flow_run
    from penstock.flow_runs import aresume_flow_run as aresume_flow_run
    from penstock.flow_runs import asuspend_flow_run as asuspend_flow_run
    from penstock.flow_runs import pause_flow_run as pause_flow_run
    from penstock.flow_runs import resume_flow_run as resume_flow_run
    from penstock.flow_runs import suspend_flow_run as suspend_flow_run
    from penstock.tasks import Task as Task
    from penstock.tasks import task as task
    from penstock.transactions import Transaction as Transaction

__version__ = "0.1.0"

_WHERE = {
    "Flow": "penstock.flows",
    "State": "penstock._values.states",
    "Task": "penstock.tasks",
    "Transaction": "penstock.transactions",
    "aserve": "penstock._deploying.serving",
    "deploy": "penstock._deploying.serving",
    "serve": "penstock._deploying.serving",
    "allow_failure": "penstock._values.annotations",
    "apause_flow_run": "penstock.flow_runs",
    "aresume_flow_run": "penstock.flow_runs",
    "asuspend_flow_run": "penstock.flow_runs",
    "flow": "penstock.flows",
    "get_client": "penstock.client.orchestration",
    "get_run_logger": "penstock._engine.run_logging",
    "pause_flow_run": "penstock.flow_runs",
    "query": "penstock._query",
    "resume_flow_run": "penstock.flow_runs",
    "suspend_flow_run": "penstock.flow_runs",
    "tags": "penstock.context",
    "task": "penstock.tasks",
    "unmapped": "penstock._values.annotations",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _WHERE:
        value = getattr(import_module(_WHERE[name]), name)
    elif name == "runtime":
        value = import_module("penstock.runtime")
    else:
        raise AttributeError(f"module 'penstock' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHERE, "runtime"])


def load_ipython_extension(shell: Any) -> None:
    """Make ``%load_ext penstock`` work; the extension itself is in `penstock_kernel`."""
    from importlib.metadata import entry_points

    for entry in entry_points(group="penstock.ipython"):
        entry.load()(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Make ``%unload_ext penstock`` work."""
    import sys

    extension = sys.modules.get("penstock_kernel")
    if extension is not None:
        extension.unload_ipython_extension(shell)


__all__ = [
    "Flow",
    "State",
    "Task",
    "Transaction",
    "__version__",
    "allow_failure",
    "apause_flow_run",
    "aresume_flow_run",
    "aserve",
    "asuspend_flow_run",
    "deploy",
    "flow",
    "get_client",
    "get_run_logger",
    "pause_flow_run",
    "query",
    "resume_flow_run",
    "runtime",
    "serve",
    "suspend_flow_run",
    "tags",
    "task",
    "unmapped",
]
