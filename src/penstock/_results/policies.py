"""Cache policies: which parts of a task run make its cache key. Reference page: concepts/caching.

What the library's own policies look at has names (`parts`), so that a miss can say which of them changed
(`compute`). A policy of the user's own is only its key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock._results.fingerprint import KnownFingerprint, fingerprint

if TYPE_CHECKING:
    from penstock._results.sink import SourcePart

#: What a key is made of, by name: `source`, `helper NAME`, `global NAME`, `module NAME`, `input NAME`,
#: `flow parameter NAME`, `run`.
Parts = dict[str, "SourcePart"]


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
        for name in ("key_storage", "isolation_level"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine is not None and theirs is not None and mine != theirs:
                raise ValueError(f"Cannot add policies with different {name.replace('_', ' ')} values.")
        parts = (*_parts(self), *_parts(other))
        excluded = frozenset().union(*(p.exclude for p in parts if type(p) is Inputs))
        merged: list[CachePolicy] = [p for p in parts if type(p) is not Inputs]
        if any(type(p) is Inputs for p in parts):
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
        return joined_key([p.compute_key(task_ctx, inputs, flow_parameters, **kwargs) for p in self.policies])

    def __sub__(self, name: str) -> CachePolicy:
        return replace(self, policies=tuple(policy - name for policy in self.policies))


def joined_key(keys: Iterable[str | None]) -> str | None:
    """Return the key of several policies together; None when none of them has one."""
    found = sorted(key for key in keys if key is not None)
    return hash_texts(*found) if found else None


@dataclass(frozen=True)
class _None(CachePolicy):
    def compute_key(
        self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        return None

    def __add__(self, other: CachePolicy) -> CachePolicy:
        return other


class PartedPolicy(CachePolicy):
    """A policy whose key is a hash over named parts."""

    def parts(self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any]) -> Parts:
        """Return what the key is made of; nothing means no key.

        Raises:
            HashError: one of them has no stable content.
        """
        raise NotImplementedError

    def compute_key(
        self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """Hash the parts; None when there are none.

        Raises:
            HashError: one of them has no stable content.
        """
        return key_of(self.parts(task_ctx, inputs, flow_parameters))


@dataclass(frozen=True)
class TaskSource(PartedPolicy):
    """The source of the task's function and of what it refers to in the user's code; see decision 0007."""

    #: The parts, where they were found before: a task that travels takes them along.
    known: Mapping[str, SourcePart] | None = None

    def parts(self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any]) -> Parts:
        """Return `source`, and the helpers, globals and modules it refers to."""
        if self.known is not None:
            return dict(self.known)
        return _source(task_ctx.task.fn) if task_ctx else {}


@dataclass(frozen=True)
class FlowParameters(PartedPolicy):
    """The parameters of the flow around the task."""

    def parts(self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any]) -> Parts:
        """Return one part a parameter."""
        return {
            f"flow parameter {name}": part(fingerprint(value, f"Flow parameter {name!r}"))
            for name, value in (flow_parameters or {}).items()
        }


@dataclass(frozen=True)
class RunId(PartedPolicy):
    """The flow run, or the task run outside a flow: nothing is shared between runs."""

    def parts(self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any]) -> Parts:
        """Return the id."""
        run = task_ctx.task_run if task_ctx else None
        return {"run": part(str(run.flow_run_id or run.id))} if run is not None else {}

    def compute_key(
        self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """Return the id."""
        found = self.parts(task_ctx, inputs, flow_parameters)
        return found["run"].digest if found else None


@dataclass(frozen=True)
class Inputs(PartedPolicy):
    """The content of the task's inputs."""

    exclude: frozenset[str] = frozenset()

    def parts(self, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any]) -> Parts:
        """Return one part an input that is not excluded.

        Raises:
            HashError: an input has no stable content.
        """
        return {
            f"input {name}": part(
                value.digest
                if isinstance(value, KnownFingerprint)
                else fingerprint(value, f"Input {name!r}", name)
            )
            for name, value in (inputs or {}).items()
            if name not in self.exclude
        }

    def __sub__(self, name: str) -> CachePolicy:
        if not isinstance(name, str):
            raise TypeError("Can only subtract strings (names of inputs) from a cache policy.")
        return replace(self, exclude=self.exclude | {name})


def part(digest: str) -> SourcePart:
    """Return a part of a key that has no text."""
    from penstock._results.sink import SourcePart  # importing the package does not need it

    return SourcePart(digest)


def _source(fn: Any) -> Parts:
    from penstock._results.sources import source_parts  # reads syntax trees: not needed to import the package

    return source_parts(fn, fingerprint)


def with_known_source(policy: CachePolicy, fn: Any) -> CachePolicy:
    """Return a policy that need not look for the source of `fn` any more."""
    if type(policy) is CompoundCachePolicy:
        return replace(policy, policies=tuple(with_known_source(part, fn) for part in policy.policies))
    if type(policy) is TaskSource and policy.known is None:
        return replace(policy, known=_source(fn))
    return policy


def key_of(parts: Mapping[str, SourcePart]) -> str | None:
    """Return the key that named parts make; None when there are none."""
    return hash_texts(*(f"{name}={part.digest}" for name, part in sorted(parts.items()))) if parts else None


def hash_texts(*texts: str) -> str:
    """Return a hash over texts, each marked off from the next."""
    hasher = blake2b(digest_size=16)
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        hasher.update(b"%d:" % len(data) + data)
    return hasher.hexdigest()


#: A subclass may compute its key in a way of its own, so only these are asked for their parts.
_PARTED = (FlowParameters, Inputs, RunId, TaskSource)


class Key(NamedTuple):
    """A cache key; no text means that the run is not cached."""

    text: str | None
    parts: Parts


def compute(
    policy: CachePolicy, task_ctx: Any, inputs: dict[str, Any], flow_parameters: dict[str, Any]
) -> Key:
    """Return the key that a policy makes and its parts; the policy's `compute_key` returns the same key.

    Raises:
        HashError: a part has no stable content.
    """
    if type(policy) is CompoundCachePolicy:
        keys = [compute(part, task_ctx, inputs, flow_parameters) for part in policy.policies]
        return Key(
            joined_key(key.text for key in keys),
            {name: part for key in keys for name, part in key.parts.items()},
        )
    if isinstance(policy, PartedPolicy) and type(policy) in _PARTED:
        parts = policy.parts(task_ctx, inputs, flow_parameters)
        return Key(parts["run"].digest if type(policy) is RunId and parts else key_of(parts), parts)
    text = policy.compute_key(task_ctx, inputs, flow_parameters)
    return Key(text, {} if text is None else {_named(policy): part(text)})


def _named(policy: CachePolicy) -> str:
    function = getattr(policy, "cache_key_fn", None)
    return "cache_key_fn" if function is not None else f"policy {type(policy).__name__}"


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
    return fingerprint((key_of(_source(context.task.fn)), arguments))
