"""Variables: named JSON values that runs share. Reference pages: concepts/variables, api-ref prefect-variables."""

from __future__ import annotations

from typing import Any, TypeVar

from penstock._link.client import path_of, store
from penstock._values.awaited import call_is_awaited
from penstock._values.records import Variable as _Record
from penstock.exceptions import ObjectNotFound, StoreRefused

T = TypeVar("T")
_PATH = "/api/variables/"


class Variable(_Record):
    """A variable, with the class methods that read and write one.

    Each method may also be awaited in async code, as documented; its a-form always is a coroutine.

    Example:
        >>> Variable.set("answer", 42, overwrite=True).value
        42
        >>> Variable.get("answer"), Variable.get("question", default="?"), Variable.unset("answer")
        (42, '?', True)
    """

    __slots__ = ()

    @classmethod
    def get(cls, name: str, default: Any = None) -> Any:
        """Return the value of a variable, `default` when there is none. A stored null is None, not the default.

        Args:
            name: which variable.
            default: what to return instead.
        """
        return cls.aget(name, default) if call_is_awaited() else _get(name, default)

    @classmethod
    async def aget(cls, name: str, default: Any = None) -> Any:
        """Async twin of `get`."""
        import asyncio

        return await asyncio.to_thread(_get, name, default)

    @classmethod
    def set(cls, name: str, value: Any, tags: list[str] | None = None, overwrite: bool = False) -> Any:
        """Make a variable, or change it when `overwrite` is True.

        Args:
            name: lower-case letters, digits, underscores and dashes; at most 255.
            value: anything JSON has; at most 5000 characters as JSON.
            tags: replace those it had.
            overwrite: whether it may exist already.

        Raises:
            ValueError: it exists and must not be overwritten, or name or value are not usable.
        """
        if call_is_awaited():
            return cls.aset(name, value, tags, overwrite)
        return cls.model_validate(_set(name, value, tags, overwrite))

    @classmethod
    async def aset(
        cls, name: str, value: Any, tags: list[str] | None = None, overwrite: bool = False
    ) -> Variable:
        """Async twin of `set`."""
        import asyncio

        return cls.model_validate(await asyncio.to_thread(_set, name, value, tags, overwrite))

    @classmethod
    def unset(cls, name: str) -> Any:
        """Delete a variable; True when there was one."""
        return cls.aunset(name) if call_is_awaited() else _unset(name)

    @classmethod
    async def aunset(cls, name: str) -> bool:
        """Async twin of `unset`."""
        import asyncio

        return await asyncio.to_thread(_unset, name)


def _by_name(name: str) -> str:
    return path_of("api", "variables", "name", name)


def _get(name: str, default: Any) -> Any:
    try:
        return store().request("GET", _by_name(name))["value"]
    except ObjectNotFound:
        return default


def _set(name: str, value: Any, tags: list[str] | None, overwrite: bool) -> Any:
    body = {"name": name, "value": value, "tags": tags or []}
    try:
        return store().request("POST", _PATH, body)
    except StoreRefused as error:
        if error.status == 409 and overwrite:
            changes = {"value": value, **({} if tags is None else {"tags": tags})}
            store().request("PATCH", _by_name(name), changes)
            return store().request("GET", _by_name(name))
        if error.status == 409:
            text = f"Variable {name!r} already exists. Use overwrite=True to change it."
            raise ValueError(text) from error
        if error.status == 422:
            raise ValueError(f"Variable {name!r} cannot be set: {_problems(error)}") from error
        raise


def _problems(error: StoreRefused) -> str:
    detail = (getattr(error, "body", None) or {}).get("exception_detail") or []
    return "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in detail) or str(error)


def _unset(name: str) -> bool:
    try:
        store().request("DELETE", _by_name(name))
    except ObjectNotFound:
        return False
    return True


__all__ = ["Variable"]
