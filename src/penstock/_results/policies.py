"""Cache policies: which parts of a task run make its cache key. Reference page: concepts/caching."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from penstock._results.fingerprint import KnownFingerprint, fingerprint, source_of


@dataclass(frozen=True)
class CachePolicy:
    """Base of all policies; they combine with ``+`` and lose inputs with ``-``."""

    key_storage: Path | str | None = field(default=None, kw_only=True)
    isolation_level: Any = field(default=None, kw_only=True)
    lock_manager: Any = field(default=None, kw_only=True)

    @classmethod
    def from_cache_key_fn(cls, cache_key_fn: Callable[[Any, dict[str, Any]], str | None]) -> CacheKeyFnPolicy:
        """Return the policy that calls ``cache_key_fn(context, parameters)``."""
        return CacheKeyFnPolicy(cache_key_fn)

    def configure(
        self, key_storage: Path | str | None = None, lock_manager: Any = None, isolation_level: Any = None
    ) -> CachePolicy:
        """Return the same policy with other storage, locks or isolation; this one stays as it is."""
        given = {"key_storage": key_storage, "lock_manager": lock_manager, "isolation_level": isolation_level}
        return replace(self, **{name: value for name, value in given.items() if value is not None})

    def compute_key(
        self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """Return the key, or None for "do not cache".

        Args:
            task_ctx: has `task`, `task_run` (and through it the flow run id).
            inputs: the task's parameters by name.
            flow_parameters: those of the flow around it.
            kwargs: for policies of users.
        """
        raise NotImplementedError

    def __add__(self, other: CachePolicy) -> CachePolicy:
        if isinstance(other, _None):
            return self
        if isinstance(self, _None):
            return other
        for name in ("key_storage", "isolation_level"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine is not None and theirs is not None and mine != theirs:
                raise ValueError(f"Cannot add policies with different {name.replace('_', ' ')} values.")
        parts = (*_parts(self), *_parts(other))
        excluded = frozenset().union(*(p.exclude for p in parts if isinstance(p, Inputs)))
        merged: list[CachePolicy] = [p for p in parts if not isinstance(p, Inputs)]
        if any(isinstance(p, Inputs) for p in parts):
            merged.append(Inputs(exclude=excluded))
        return CompoundCachePolicy(
            tuple(merged),
            key_storage=self.key_storage or other.key_storage,
            isolation_level=self.isolation_level or other.isolation_level,
            lock_manager=self.lock_manager or other.lock_manager,
        )

    def __sub__(self, name: str) -> CachePolicy:
        """Leave an input out of the key; without effect on policies that look at no inputs."""
        if not isinstance(name, str):
            raise TypeError("Can only subtract strings (names of inputs) from a cache policy.")
        return self


def _parts(policy: CachePolicy) -> tuple[CachePolicy, ...]:
    return policy.policies if isinstance(policy, CompoundCachePolicy) else (policy,)


@dataclass(frozen=True)
class CacheKeyFnPolicy(CachePolicy):
    """The key a user's function returns."""

    cache_key_fn: Callable[[Any, dict[str, Any]], str | None] | None = None

    def compute_key(
        self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """Call the function."""
        return self.cache_key_fn(task_ctx, inputs) if self.cache_key_fn else None


@dataclass(frozen=True)
class CompoundCachePolicy(CachePolicy):
    """Several policies together: a change in any part changes the key."""

    policies: tuple[CachePolicy, ...] = ()

    def compute_key(
        self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """Hash the keys of the parts, in an order of their own."""
        keys = [p.compute_key(task_ctx, inputs, flow_parameters, **kwargs) for p in self.policies]
        found = sorted(key for key in keys if key is not None)
        return _hash(*found) if found else None

    def __sub__(self, name: str) -> CachePolicy:
        return replace(self, policies=tuple(policy - name for policy in self.policies))


@dataclass(frozen=True)
class _None(CachePolicy):
    def compute_key(
        self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        return None

    def __add__(self, other: CachePolicy) -> CachePolicy:
        return other


@dataclass(frozen=True)
class TaskSource(CachePolicy):
    """The source text of the task's function."""

    def compute_key(
        self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """Hash the source."""
        return _hash(source_of(task_ctx.task.fn)) if task_ctx else None


@dataclass(frozen=True)
class FlowParameters(CachePolicy):
    """The parameters of the flow around the task."""

    def compute_key(
        self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """Hash them; None when there are none."""
        return fingerprint(flow_parameters) if flow_parameters else None


@dataclass(frozen=True)
class RunId(CachePolicy):
    """The flow run, or the task run outside a flow: nothing is shared between runs."""

    def compute_key(
        self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """Return the id."""
        run = task_ctx.task_run if task_ctx else None
        return str(run.flow_run_id or run.id) if run is not None else None


@dataclass(frozen=True)
class Inputs(CachePolicy):
    """The content of the task's inputs."""

    exclude: frozenset[str] = frozenset()

    def compute_key(
        self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """Hash what is not excluded; None when nothing is left.

        Raises:
            HashError: an input has no stable content.
        """
        kept = {name: digest_of(value) for name, value in (inputs or {}).items() if name not in self.exclude}
        return fingerprint(kept) if kept else None

    def __sub__(self, name: str) -> CachePolicy:
        if not isinstance(name, str):
            raise TypeError("Can only subtract strings (names of inputs) from a cache policy.")
        return replace(self, exclude=self.exclude | {name})


def digest_of(value: Any) -> str:
    """Return the content hash of an input, which may stand there already in place of the value."""
    return value.digest if isinstance(value, KnownFingerprint) else fingerprint(value)


def _hash(*texts: str) -> str:
    hasher = blake2b(digest_size=16)
    for text in texts:
        hasher.update(b"%d:" % len(text) + text.encode("utf-8", "surrogatepass"))
    return hasher.hexdigest()


INPUTS = Inputs()
TASK_SOURCE = TaskSource()
FLOW_PARAMETERS = FlowParameters()
RUN_ID = RunId()
NO_CACHE: CachePolicy = _None()
NONE = NO_CACHE
DEFAULT = INPUTS + TASK_SOURCE + RUN_ID


def task_input_hash(context: Any, arguments: dict[str, Any]) -> str | None:
    """Return a key made of a task's source and inputs, for `cache_key_fn`.

    Args:
        context: the task's run context.
        arguments: its inputs by name.
    """
    return fingerprint((source_of(context.task.fn), arguments))
