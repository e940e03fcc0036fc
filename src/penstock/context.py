"""Run contexts. Reference page: api-ref/python/prefect-context."""

from penstock._engine.contexts import EngineContext as EngineContext
from penstock._engine.contexts import FlowRunContext as FlowRunContext
from penstock._engine.contexts import TagsContext as TagsContext
from penstock._engine.contexts import TaskRunContext as TaskRunContext
from penstock._engine.contexts import get_run_context as get_run_context
from penstock._engine.contexts import tags as tags
from penstock.settings._profile_scope import SettingsContext as SettingsContext
from penstock.settings._profile_scope import get_settings_context as get_settings_context
from penstock.settings._profile_scope import root_settings_context as root_settings_context
from penstock.settings._profile_scope import use_profile as use_profile

__all__ = [
    "EngineContext",
    "FlowRunContext",
    "SettingsContext",
    "TagsContext",
    "TaskRunContext",
    "get_run_context",
    "get_settings_context",
    "root_settings_context",
    "tags",
    "use_profile",
]
