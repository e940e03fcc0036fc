"""Run contexts. Reference page: api-ref/python/prefect-context."""

from penstock._engine.context_transfer import hydrated_context as hydrated_context
from penstock._engine.context_transfer import serialize_context as serialize_context
from penstock._engine.contexts import ContextModel as ContextModel
from penstock._engine.contexts import EngineContext as EngineContext
from penstock._engine.contexts import FlowRunContext as FlowRunContext
from penstock._engine.contexts import RunContext as RunContext
from penstock._engine.contexts import TagsContext as TagsContext
from penstock._engine.contexts import TaskRunContext as TaskRunContext
from penstock._engine.contexts import get_run_context as get_run_context
from penstock._engine.contexts import tags as tags

__all__ = [
    "ContextModel",
    "EngineContext",
    "FlowRunContext",
    "RunContext",
    "TagsContext",
    "TaskRunContext",
    "get_run_context",
    "hydrated_context",
    "serialize_context",
    "tags",
]
