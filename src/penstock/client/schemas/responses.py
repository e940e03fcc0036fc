"""What the API answers. Reference page: api-ref/python/prefect-client-schemas-responses."""

from penstock._values.limits import ConcurrencyLimitWithLeaseResponse as ConcurrencyLimitWithLeaseResponse
from penstock._values.limits import GlobalConcurrencyLimitResponse as GlobalConcurrencyLimitResponse
from penstock._values.limits import MinimalConcurrencyLimitResponse as MinimalConcurrencyLimitResponse
from penstock._values.orchestration import OrchestrationResult as OrchestrationResult
from penstock._values.orchestration import SetStateStatus as SetStateStatus
from penstock._values.orchestration import StateAbortDetails as StateAbortDetails
from penstock._values.orchestration import StateAcceptDetails as StateAcceptDetails
from penstock._values.orchestration import StateRejectDetails as StateRejectDetails
from penstock._values.orchestration import StateWaitDetails as StateWaitDetails
from penstock._values.records import Artifact as Artifact
from penstock._values.records import ArtifactCollection as ArtifactCollection
from penstock._values.records import Flow as Flow
from penstock._values.records import FlowRunInput as FlowRunInput
from penstock._values.records import Log as Log
from penstock._values.records import Variable as Variable
from penstock._values.runs import FlowRun as FlowRunResponse
from penstock._values.runs import TaskRun as TaskRunResponse

__all__ = [
    "Artifact",
    "ArtifactCollection",
    "ConcurrencyLimitWithLeaseResponse",
    "Flow",
    "FlowRunInput",
    "FlowRunResponse",
    "GlobalConcurrencyLimitResponse",
    "Log",
    "MinimalConcurrencyLimitResponse",
    "OrchestrationResult",
    "SetStateStatus",
    "StateAbortDetails",
    "StateAcceptDetails",
    "StateRejectDetails",
    "StateWaitDetails",
    "TaskRunResponse",
    "Variable",
]
