"""Filters of logs, artifacts and variables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from penstock.client.schemas._filter_base import FilterGroup, FilterPart


@dataclass(slots=True, kw_only=True)
class LogFilterLevel(FilterPart):
    """Selects logs by their level."""

    ge_: int | None = None
    le_: int | None = None


@dataclass(slots=True, kw_only=True)
class LogFilterTimestamp(FilterPart):
    """Selects logs by their timestamp."""

    before_: datetime | None = None
    after_: datetime | None = None


@dataclass(slots=True, kw_only=True)
class LogFilterFlowRunId(FilterPart):
    """Selects logs by their flow run id."""

    any_: list[UUID] | None = None


@dataclass(slots=True, kw_only=True)
class LogFilterTaskRunId(FilterPart):
    """Selects logs by their task run id."""

    any_: list[UUID] | None = None
    is_null_: bool | None = None


@dataclass(slots=True, kw_only=True)
class LogFilterTextSearch(FilterPart):
    """Selects logs by their text."""

    query: str | None = None


@dataclass(slots=True, kw_only=True)
class LogFilter(FilterGroup):
    """Selects logs; all parts must hold, or one of them when the operator is or_."""

    level: LogFilterLevel | None = None
    timestamp: LogFilterTimestamp | None = None
    flow_run_id: LogFilterFlowRunId | None = None
    task_run_id: LogFilterTaskRunId | None = None
    text: LogFilterTextSearch | None = None


@dataclass(slots=True, kw_only=True)
class ArtifactFilterId(FilterPart):
    """Selects artifacts by their id."""

    any_: list[UUID] | None = None


@dataclass(slots=True, kw_only=True)
class ArtifactFilterKey(FilterPart):
    """Selects artifacts by their key."""

    any_: list[str] | None = None
    like_: str | None = None
    exists_: bool | None = None


@dataclass(slots=True, kw_only=True)
class ArtifactFilterFlowRunId(FilterPart):
    """Selects artifacts by their flow run id."""

    any_: list[UUID] | None = None


@dataclass(slots=True, kw_only=True)
class ArtifactFilterTaskRunId(FilterPart):
    """Selects artifacts by their task run id."""

    any_: list[UUID] | None = None


@dataclass(slots=True, kw_only=True)
class ArtifactFilterType(FilterPart):
    """Selects artifacts by their type."""

    any_: list[str] | None = None
    not_any_: list[str] | None = None


@dataclass(slots=True, kw_only=True)
class ArtifactFilter(FilterGroup):
    """Selects artifacts; all parts must hold, or one of them when the operator is or_."""

    id: ArtifactFilterId | None = None
    key: ArtifactFilterKey | None = None
    flow_run_id: ArtifactFilterFlowRunId | None = None
    task_run_id: ArtifactFilterTaskRunId | None = None
    type: ArtifactFilterType | None = None


@dataclass(slots=True, kw_only=True)
class ArtifactCollectionFilterLatestId(FilterPart):
    """Selects artifact collections by their latest id."""

    any_: list[UUID] | None = None


@dataclass(slots=True, kw_only=True)
class ArtifactCollectionFilterKey(FilterPart):
    """Selects artifact collections by their key."""

    any_: list[str] | None = None
    like_: str | None = None
    exists_: bool | None = None


@dataclass(slots=True, kw_only=True)
class ArtifactCollectionFilterFlowRunId(FilterPart):
    """Selects artifact collections by their flow run id."""

    any_: list[UUID] | None = None


@dataclass(slots=True, kw_only=True)
class ArtifactCollectionFilterTaskRunId(FilterPart):
    """Selects artifact collections by their task run id."""

    any_: list[UUID] | None = None


@dataclass(slots=True, kw_only=True)
class ArtifactCollectionFilterType(FilterPart):
    """Selects artifact collections by their type."""

    any_: list[str] | None = None
    not_any_: list[str] | None = None


@dataclass(slots=True, kw_only=True)
class ArtifactCollectionFilter(FilterGroup):
    """Selects artifact collections; all parts must hold, or one of them when the operator is or_."""

    latest_id: ArtifactCollectionFilterLatestId | None = None
    key: ArtifactCollectionFilterKey | None = None
    flow_run_id: ArtifactCollectionFilterFlowRunId | None = None
    task_run_id: ArtifactCollectionFilterTaskRunId | None = None
    type: ArtifactCollectionFilterType | None = None


@dataclass(slots=True, kw_only=True)
class VariableFilterId(FilterPart):
    """Selects variables by their id."""

    any_: list[UUID] | None = None


@dataclass(slots=True, kw_only=True)
class VariableFilterName(FilterPart):
    """Selects variables by their name."""

    any_: list[str] | None = None
    like_: str | None = None


@dataclass(slots=True, kw_only=True)
class VariableFilterTags(FilterPart):
    """Selects variables by their tags."""

    all_: list[str] | None = None
    is_null_: bool | None = None


@dataclass(slots=True, kw_only=True)
class VariableFilter(FilterGroup):
    """Selects variables; all parts must hold, or one of them when the operator is or_."""

    id: VariableFilterId | None = None
    name: VariableFilterName | None = None
    tags: VariableFilterTags | None = None


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
    "LogFilter",
    "LogFilterFlowRunId",
    "LogFilterLevel",
    "LogFilterTaskRunId",
    "LogFilterTextSearch",
    "LogFilterTimestamp",
    "VariableFilter",
    "VariableFilterId",
    "VariableFilterName",
    "VariableFilterTags",
]
