"""Runs, states and what flows into runs. Reference page: api-ref/python/prefect-client-schemas-objects."""

from penstock._values.limits import ConcurrencyLeaseHolder as ConcurrencyLeaseHolder
from penstock._values.limits import ConcurrencyLimit as ConcurrencyLimit
from penstock._values.limits import ConcurrencyLimitConfig as ConcurrencyLimitConfig
from penstock._values.limits import ConcurrencyLimitStrategy as ConcurrencyLimitStrategy
from penstock._values.limits import ConcurrencyOptions as ConcurrencyOptions
from penstock._values.limits import GlobalConcurrencyLimit as GlobalConcurrencyLimit
from penstock._values.run_inputs import Constant as Constant
from penstock._values.run_inputs import FlowRunResult as FlowRunResult
from penstock._values.run_inputs import Parameter as Parameter
from penstock._values.run_inputs import RunInput as RunInput
from penstock._values.run_inputs import RunType as RunType
from penstock._values.run_inputs import TaskRunResult as TaskRunResult
from penstock._values.runs import FlowRun as FlowRun
from penstock._values.runs import FlowRunPolicy as FlowRunPolicy
from penstock._values.runs import TaskRun as TaskRun
from penstock._values.runs import TaskRunPolicy as TaskRunPolicy
from penstock._values.state_types import TERMINAL as TERMINAL_STATES
from penstock._values.states import State as State
from penstock._values.states import StateDetails as StateDetails
from penstock._values.states import StateType as StateType

__all__ = [
    "TERMINAL_STATES",
    "ConcurrencyLeaseHolder",
    "ConcurrencyLimit",
    "ConcurrencyLimitConfig",
    "ConcurrencyLimitStrategy",
    "ConcurrencyOptions",
    "Constant",
    "FlowRun",
    "FlowRunPolicy",
    "FlowRunResult",
    "GlobalConcurrencyLimit",
    "Parameter",
    "RunInput",
    "RunType",
    "State",
    "StateDetails",
    "StateType",
    "TaskRun",
    "TaskRunPolicy",
    "TaskRunResult",
]
