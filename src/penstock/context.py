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
from penstock.settings._profile_scope import SettingsContext as SettingsContext
from penstock.settings._profile_scope import get_settings_context as get_settings_context
from penstock.settings._profile_scope import root_settings_context as root_settings_context
from penstock.settings._profile_scope import use_profile as use_profile

__all__ = [
    "ContextModel",
    "EngineContext",
    "FlowRunContext",
    "RunContext",
    "SettingsContext",
    "TagsContext",
    "TaskRunContext",
    "get_run_context",
    "get_settings_context",
    "hydrated_context",
    "root_settings_context",
    "serialize_context",
    "tags",
    "use_profile",
]
