"""What lists are selected by. Reference page: api-ref/python/prefect-client-schemas-filters."""

from penstock.client.schemas._filter_base import Operator as Operator
from penstock.client.schemas._record_filters import ArtifactCollectionFilter as ArtifactCollectionFilter
from penstock.client.schemas._record_filters import (
    ArtifactCollectionFilterFlowRunId as ArtifactCollectionFilterFlowRunId,
)
from penstock.client.schemas._record_filters import ArtifactCollectionFilterKey as ArtifactCollectionFilterKey
from penstock.client.schemas._record_filters import (
    ArtifactCollectionFilterLatestId as ArtifactCollectionFilterLatestId,
)
from penstock.client.schemas._record_filters import (
    ArtifactCollectionFilterTaskRunId as ArtifactCollectionFilterTaskRunId,
)
from penstock.client.schemas._record_filters import (
    ArtifactCollectionFilterType as ArtifactCollectionFilterType,
)
from penstock.client.schemas._record_filters import ArtifactFilter as ArtifactFilter
from penstock.client.schemas._record_filters import ArtifactFilterFlowRunId as ArtifactFilterFlowRunId
from penstock.client.schemas._record_filters import ArtifactFilterId as ArtifactFilterId
from penstock.client.schemas._record_filters import ArtifactFilterKey as ArtifactFilterKey
from penstock.client.schemas._record_filters import ArtifactFilterTaskRunId as ArtifactFilterTaskRunId
from penstock.client.schemas._record_filters import ArtifactFilterType as ArtifactFilterType
from penstock.client.schemas._record_filters import LogFilter as LogFilter
from penstock.client.schemas._record_filters import LogFilterFlowRunId as LogFilterFlowRunId
from penstock.client.schemas._record_filters import LogFilterLevel as LogFilterLevel
from penstock.client.schemas._record_filters import LogFilterTaskRunId as LogFilterTaskRunId
from penstock.client.schemas._record_filters import LogFilterTextSearch as LogFilterTextSearch
from penstock.client.schemas._record_filters import LogFilterTimestamp as LogFilterTimestamp
from penstock.client.schemas._record_filters import VariableFilter as VariableFilter
from penstock.client.schemas._record_filters import VariableFilterId as VariableFilterId
from penstock.client.schemas._record_filters import VariableFilterName as VariableFilterName
from penstock.client.schemas._record_filters import VariableFilterTags as VariableFilterTags
from penstock.client.schemas._run_filters import FlowFilter as FlowFilter
from penstock.client.schemas._run_filters import FlowFilterId as FlowFilterId
from penstock.client.schemas._run_filters import FlowFilterName as FlowFilterName
from penstock.client.schemas._run_filters import FlowFilterTags as FlowFilterTags
from penstock.client.schemas._run_filters import FlowRunFilter as FlowRunFilter
from penstock.client.schemas._run_filters import FlowRunFilterDeploymentId as FlowRunFilterDeploymentId
from penstock.client.schemas._run_filters import FlowRunFilterEndTime as FlowRunFilterEndTime
from penstock.client.schemas._run_filters import (
    FlowRunFilterExpectedStartTime as FlowRunFilterExpectedStartTime,
)
from penstock.client.schemas._run_filters import FlowRunFilterFlowVersion as FlowRunFilterFlowVersion
from penstock.client.schemas._run_filters import FlowRunFilterId as FlowRunFilterId
from penstock.client.schemas._run_filters import FlowRunFilterIdempotencyKey as FlowRunFilterIdempotencyKey
from penstock.client.schemas._run_filters import FlowRunFilterName as FlowRunFilterName
from penstock.client.schemas._run_filters import (
    FlowRunFilterNextScheduledStartTime as FlowRunFilterNextScheduledStartTime,
)
from penstock.client.schemas._run_filters import FlowRunFilterParentFlowRunId as FlowRunFilterParentFlowRunId
from penstock.client.schemas._run_filters import FlowRunFilterParentTaskRunId as FlowRunFilterParentTaskRunId
from penstock.client.schemas._run_filters import FlowRunFilterStartTime as FlowRunFilterStartTime
from penstock.client.schemas._run_filters import FlowRunFilterState as FlowRunFilterState
from penstock.client.schemas._run_filters import FlowRunFilterStateName as FlowRunFilterStateName
from penstock.client.schemas._run_filters import FlowRunFilterStateType as FlowRunFilterStateType
from penstock.client.schemas._run_filters import FlowRunFilterTags as FlowRunFilterTags
from penstock.client.schemas._run_filters import FlowRunFilterWorkQueueName as FlowRunFilterWorkQueueName
from penstock.client.schemas._run_filters import TaskRunFilter as TaskRunFilter
from penstock.client.schemas._run_filters import TaskRunFilterFlowRunId as TaskRunFilterFlowRunId
from penstock.client.schemas._run_filters import TaskRunFilterId as TaskRunFilterId
from penstock.client.schemas._run_filters import TaskRunFilterName as TaskRunFilterName
from penstock.client.schemas._run_filters import TaskRunFilterStartTime as TaskRunFilterStartTime
from penstock.client.schemas._run_filters import TaskRunFilterState as TaskRunFilterState
from penstock.client.schemas._run_filters import TaskRunFilterStateName as TaskRunFilterStateName
from penstock.client.schemas._run_filters import TaskRunFilterStateType as TaskRunFilterStateType
from penstock.client.schemas._run_filters import TaskRunFilterSubFlowRuns as TaskRunFilterSubFlowRuns
from penstock.client.schemas._run_filters import TaskRunFilterTags as TaskRunFilterTags

__all__ = [
    "ArtifactCollectionFilter",
    "ArtifactCollectionFilterFlowRunId",
    "ArtifactCollectionFilterKey",
    "ArtifactCollectionFilterLatestId",
    "ArtifactCollectionFilterTaskRunId",
    "ArtifactCollectionFilterType",
    "ArtifactFilter",
    "ArtifactFilterFlowRunId",
    "ArtifactFilterId",
    "ArtifactFilterKey",
    "ArtifactFilterTaskRunId",
    "ArtifactFilterType",
    "FlowFilter",
    "FlowFilterId",
    "FlowFilterName",
    "FlowFilterTags",
    "FlowRunFilter",
    "FlowRunFilterDeploymentId",
    "FlowRunFilterEndTime",
    "FlowRunFilterExpectedStartTime",
    "FlowRunFilterFlowVersion",
    "FlowRunFilterId",
    "FlowRunFilterIdempotencyKey",
    "FlowRunFilterName",
    "FlowRunFilterNextScheduledStartTime",
    "FlowRunFilterParentFlowRunId",
    "FlowRunFilterParentTaskRunId",
    "FlowRunFilterStartTime",
    "FlowRunFilterState",
    "FlowRunFilterStateName",
    "FlowRunFilterStateType",
    "FlowRunFilterTags",
    "FlowRunFilterWorkQueueName",
    "LogFilter",
    "LogFilterFlowRunId",
    "LogFilterLevel",
    "LogFilterTaskRunId",
    "LogFilterTextSearch",
    "LogFilterTimestamp",
    "Operator",
    "TaskRunFilter",
    "TaskRunFilterFlowRunId",
    "TaskRunFilterId",
    "TaskRunFilterName",
    "TaskRunFilterStartTime",
    "TaskRunFilterState",
    "TaskRunFilterStateName",
    "TaskRunFilterStateType",
    "TaskRunFilterSubFlowRuns",
    "TaskRunFilterTags",
    "VariableFilter",
    "VariableFilterId",
    "VariableFilterName",
    "VariableFilterTags",
]
