"""What is sent to the API. Reference page: api-ref/python/prefect-client-schemas-actions."""

from penstock._values.limits import ConcurrencyLimitCreate as ConcurrencyLimitCreate
from penstock._values.limits import GlobalConcurrencyLimitCreate as GlobalConcurrencyLimitCreate
from penstock._values.limits import GlobalConcurrencyLimitUpdate as GlobalConcurrencyLimitUpdate
from penstock._values.requests import ArtifactCreate as ArtifactCreate
from penstock._values.requests import ArtifactUpdate as ArtifactUpdate
from penstock._values.requests import LogCreate as LogCreate
from penstock._values.requests import VariableCreate as VariableCreate
from penstock._values.requests import VariableUpdate as VariableUpdate
from penstock._values.state_create import StateCreate as StateCreate

__all__ = [
    "ArtifactCreate",
    "ArtifactUpdate",
    "ConcurrencyLimitCreate",
    "GlobalConcurrencyLimitCreate",
    "GlobalConcurrencyLimitUpdate",
    "LogCreate",
    "StateCreate",
    "VariableCreate",
    "VariableUpdate",
]
