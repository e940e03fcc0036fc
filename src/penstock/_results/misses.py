"""Why a key missed: the comparison with the nearest earlier key of the same task, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

_SHOWN = 6
#: What is named first when several parts changed.
_ORDER = ("source", "helper", "global", "module", "input", "flow parameter", "arguments", "run")


@dataclass(frozen=True, slots=True)
class EarlierKey:
    """A key of an earlier run of a task."""

    key: str
    #: Digest of each part by its name; versions for modules.
    parts: Mapping[str, str]


def explain(
    task_name: str,
    key: str,
    parts: Mapping[str, str],
    texts: Mapping[str, str],
    earlier: Sequence[EarlierKey],
    earlier_texts: Mapping[str, str],
) -> str:
    """Return why there is no result under a key.

    Args:
        task_name: what the task is called.
        key: the key.
        parts: digest of each part by name.
        texts: the source behind a digest, where there is one.
        earlier: earlier keys of the task, the newest first.
        earlier_texts: the source behind the digests of those.
    """
    if not earlier:
        return "nothing is stored yet: no earlier run of this task is known here"
    if any(known.key == key for known in earlier):
        return (
            "nothing changed, but no result is stored under the key: the run before did not complete, "
            "or its record was deleted or is kept elsewhere"
        )
    nearest = min(earlier, key=lambda known: len(list(_changed(parts, known.parts))))
    changes = sorted(_changed(parts, nearest.parts), key=_rank)
    told = [
        _told(task_name, name, nearest.parts.get(name), parts.get(name), texts, earlier_texts)
        for name in changes[:_SHOWN]
    ]
    more = [f"and {len(changes) - _SHOWN} more"] if len(changes) > _SHOWN else []
    return "; ".join([*told, *more]) or "the cache policy is another one"


def _changed(now: Mapping[str, str], before: Mapping[str, str]) -> Iterator[str]:
    return (name for name in {**before, **now} if now.get(name) != before.get(name))


def _rank(name: str) -> tuple[int, str]:
    places = [place for place, kind in enumerate(_ORDER) if name.startswith(kind)]
    return (places[0] if places else len(_ORDER), name)


def _told(
    task_name: str,
    name: str,
    before: str | None,
    now: str | None,
    texts: Mapping[str, str],
    earlier_texts: Mapping[str, str],
) -> str:
    shown = _shown(task_name, name)
    if before is None:
        return f"{shown} is new"
    if now is None:
        return f"{shown} is no longer used"
    if name == "run":
        return "another run (the policy counts RUN_ID)"
    if name.startswith("module "):
        return f"{shown} {before or '?'} -> {now or '?'}"
    lines = _lines(earlier_texts.get(before), texts.get(now))
    return f"{shown} changed{lines}"


def _shown(task_name: str, name: str) -> str:
    if name == "source":
        return f"source of `{task_name}`"
    for kind in ("helper", "global", "input", "flow parameter"):
        if name.startswith(f"{kind} "):
            return f"{kind} `{name.removeprefix(f'{kind} ')}`"
    return name


def _lines(before: str | None, now: str | None) -> str:
    """Return ``(+2/-1 lines)``; "" where a text is not known."""
    if not before or not now or before == now:
        return ""
    from difflib import SequenceMatcher

    added = removed = 0
    for kind, old, old_end, new, new_end in SequenceMatcher(
        None, before.splitlines(), now.splitlines(), autojunk=False
    ).get_opcodes():
        if kind != "equal":
            removed += old_end - old
            added += new_end - new
    return f" (+{added}/-{removed} lines)"


def texts_of(parts: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the text behind each digest, of `(digest, text)` pairs."""
    return {digest: text for digest, text in parts if text}
