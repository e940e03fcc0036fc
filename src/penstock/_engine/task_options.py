"""What a task's options come to inside one flow run. Reference: advanced/results, concepts/caching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from penstock._engine.contexts import FlowRunContext
from penstock._engine.retry_delays import Delays
from penstock._results.policies import DEFAULT, NO_CACHE, CachePolicy
from penstock._results.record_cache import RecordCache
from penstock._results.store import ResultStore
from penstock._values.annotations import NotSet
from penstock.settings import get_current_settings


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """Options of a task after task, flow and settings have had their say. Travels to workers."""

    retries: int
    retry_delays: Delays
    jitter: float | None
    timeout: float | None
    persist: bool
    policy: CachePolicy | None
    storage_key: str | None
    refresh: bool
    keep_in_memory: bool
    log_prints: bool
    #: Where results of this run go.
    store: ResultStore
    flow_parameters: dict[str, Any]
    #: The transaction that decides about this run is in the process that handed it over.
    decided_elsewhere: bool = False

    @property
    def caches(self) -> bool:
        """True when a key should be looked up before the task runs."""
        return self.persist and (self.policy is not None or self.storage_key is not None)


def resolve_options(task: Any, context: FlowRunContext | None) -> TaskOptions:
    """Return the options of `task` as they are inside `context` (None: outside any flow)."""
    settings = get_current_settings()
    flow_store = context.result_store if context is not None else None
    store = flow_store if flow_store is not None else ResultStore(cache=RecordCache(0))
    policy = _policy(task, settings)
    log_prints = task.log_prints
    if log_prints is None:
        log_prints = context.log_prints if context is not None else settings.logging_log_prints
    retries = task.retries if task.retries is not None else settings.tasks_default_retries
    delays: Any = task.retry_delay_seconds
    if delays is None:
        delays = settings.tasks_default_retry_delay_seconds
    elif callable(delays):
        delays = delays(retries)
    return TaskOptions(
        retries=retries,
        retry_delays=delays,
        jitter=task.retry_jitter_factor,
        timeout=task.timeout_seconds,
        persist=_persists(task, context, settings),
        policy=policy,
        storage_key=task.result_storage_key,
        refresh=settings.tasks_refresh_cache if task.refresh_cache is None else task.refresh_cache,
        keep_in_memory=task.cache_result_in_memory,
        log_prints=log_prints,
        store=store.update_for_task(task),
        flow_parameters=context.parameters if context is not None and policy is not None else {},
    )


def _policy(task: Any, settings: Any) -> CachePolicy | None:
    if settings.tasks_disable_caching:
        return None
    policy = task.cache_policy
    if policy is NotSet:
        policy = NO_CACHE if settings.tasks_default_no_cache else DEFAULT
    if policy is None or policy is NO_CACHE:
        return None
    return policy  # type: ignore[no-any-return]


def _persists(task: Any, context: FlowRunContext | None, settings: Any) -> bool:
    """Decide whether a task's result is stored: the task itself, then a setting, then its flow, then the default."""
    if task.persist_result is not None:
        return bool(task.persist_result)
    if settings.tasks_default_persist_result is not None:
        return bool(settings.tasks_default_persist_result)
    if context is not None and context.persist_result:
        return True
    return bool(settings.results_persist_by_default)
