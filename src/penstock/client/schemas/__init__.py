"""Objects of the API. Reference page: api-ref/python/prefect-client-schemas-objects."""

from penstock.client.schemas.actions import StateCreate as StateCreate
from penstock.client.schemas.objects import FlowRun as FlowRun
from penstock.client.schemas.objects import State as State
from penstock.client.schemas.objects import StateDetails as StateDetails
from penstock.client.schemas.objects import StateType as StateType
from penstock.client.schemas.objects import TaskRun as TaskRun
from penstock.client.schemas.objects import TaskRunResult as TaskRunResult

__all__ = ["FlowRun", "State", "StateCreate", "StateDetails", "StateType", "TaskRun", "TaskRunResult"]
