"""The cache key of a task run, and what is said about it: which outcome, why, made of what.

Every key is journalled (kind `cache_key`). A miss is compared with the earlier keys of the task, so that the log can
say what changed; that costs one small file to read and to write, next to a task that has to run anyway.
"""

from __future__ import annotations

import logging
import threading
from types import SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

from penstock._engine.parameters import with_owner
from penstock._results.policies import Key as Key
from penstock._results.policies import compute, part
from penstock.exceptions import MissingResult

NO_KEY = Key(None, {})


def key_of(run: Any) -> Key:
    """Return the key of a task execution.

    Raises:
        HashError: an input has no content to hash. Exception: whatever a user's policy raises.
    """
    options = run.options
    if options.storage_key is not None:
        from penstock._engine.key_fields import storage_key  # importing the package does not need it

        text = storage_key(options.storage_key, run.task, run.task_run, run.parameters)
        return Key(text, {"result_storage_key": part(text)})
    if options.policy is None:
        return NO_KEY
    known: dict[str, Any] = with_owner(run.task.fn, {**run.parameters, **run.fingerprints})
    return compute(options.policy, run.context(), known, options.flow_parameters)


def record(run: Any, key: Key, *, found: bool, problem: str | None = None) -> None:
    """Journal what became of a key, and say why it missed.

    Args:
        run: the task execution.
        key: its key; without text the run is not cached.
        found: whether there is a result under it that may be used.
        problem: why there is no key, when computing it failed.
    """
    parts = {name: part.digest for name, part in key.parts.items()}
    tell = False
    if key.text is None:
        outcome, reason = "unkeyed", problem or "the cache policy gave no key"
    elif found:
        outcome, reason = "hit", None
    else:
        outcome, reason, tell = _missed(run, key, key.text, parts)
    run.session.emit(
        "cache_key",
        {
            "task_run_id": run.task_run.id,
            "flow_run_id": run.task_run.flow_run_id,
            "task_key": run.task_run.task_key,
            "key": key.text,
            "outcome": outcome,
            "reason": reason,
            "parts": parts,
        },
    )
    if outcome == "hit":
        run.logger.tell(logging.DEBUG, "Cache hit under key %s", key.text)
    elif key.text is not None:
        run.logger.tell(logging.INFO if tell else logging.DEBUG, "Cache %s: %s", outcome, reason)


def _missed(run: Any, key: Key, text: str, parts: dict[str, str]) -> tuple[str, str, bool]:
    """Return outcome, reason, and whether users should be told; remember the key for the next one."""
    from penstock._results.key_memory import KeyMemory  # only for tasks that cache, and miss

    with _lock:  # the first miss of a flow run looks before any other of its misses has been remembered
        is_first = _is_first(run)
        memory = KeyMemory(run.session.workspace.home, run.task_run.task_key)
    texts = _texts(key)
    name = run.task_run.task_name or run.task.name
    outcome, reason = _why(run.options, name, text, parts, texts, memory)
    memory.remember(text, parts, texts)
    return outcome, reason, is_first and bool(memory.earlier)


def foresee(task: Any, parameters: dict[str, Any]) -> tuple[str, str]:
    """Return what the cache would find for a task with these arguments, and why; nothing runs, nothing is recorded.

    Args:
        task: the task.
        parameters: values by name; no futures.

    Returns:
        "hit", "miss", "expired", "refresh", "unkeyed" or "off", and the reason ("" for a hit).
    """
    from penstock._engine.task_options import resolve_options
    from penstock._link.session import current_session
    from penstock._results.key_memory import KeyMemory

    options = resolve_options(task, None)
    if not options.caches or options.policy is None:
        return "off", "it does not cache"
    context = SimpleNamespace(task=task, task_run=None)
    try:
        key = compute(options.policy, context, with_owner(task.fn, parameters), {})
    except Exception as error:
        return "unkeyed", str(error)
    if key.text is None:
        return "unkeyed", "the cache policy gave no key"
    if not options.refresh and options.store.exists(key.text):
        return "hit", ""
    memory = KeyMemory(current_session().workspace.home, task.task_key)
    parts = {name: part.digest for name, part in key.parts.items()}
    return _why(options, task.name, key.text, parts, _texts(key), memory)


def _why(
    options: Any, name: str, text: str, parts: dict[str, str], texts: dict[str, str], memory: Any
) -> tuple[str, str]:
    """Return the outcome for a key that has no result to be used, and the reason."""
    from penstock._results.misses import explain

    if options.refresh:
        return "refresh", "a refresh was asked for (refresh_cache, or the setting tasks.refresh_cache)"
    gone = _gone(options, text) if any(earlier.key == text for earlier in memory.earlier) else None
    return gone or ("miss", explain(name, text, parts, texts, memory.earlier, memory.texts))


def _texts(key: Key) -> dict[str, str]:
    return {part.digest: part.text for part in key.parts.values() if part.text}


def _gone(options: Any, text: str) -> tuple[str, str] | None:
    """Return what is wrong with a record that was there before, None when there is none any more."""
    store = options.store.model_copy(update={"lock_manager": None})  # whoever holds the key is not waited for
    try:
        about = store.read(text).metadata
    except MissingResult as error:
        return None if isinstance(error.__cause__, FileNotFoundError) else ("miss", str(error))
    if not about.expired:  # it came while we were looking
        return None
    return "expired", f"the stored result expired at {about.expiration:%Y-%m-%d %H:%M:%S} UTC"


def _is_first(run: Any) -> bool:
    """True for the first miss of a task in a flow run: a map over a thousand new items is told about once."""
    flow_run_id = run.task_run.flow_run_id
    if flow_run_id is None:
        return True
    seen = _told.setdefault(run.task, set())
    is_new = flow_run_id not in seen
    seen.add(flow_run_id)
    return is_new


_told: WeakKeyDictionary[Any, set[Any]] = WeakKeyDictionary()
_lock = threading.Lock()
