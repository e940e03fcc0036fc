"""Marks around arguments that change how a task receives them. Reference: api-ref utilities/annotations."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class BaseAnnotation(tuple[T], Generic[T]):
    """A wrapper around one value; `unwrap` gives it back."""

    __slots__ = ()

    def __new__(cls, value: T) -> BaseAnnotation[T]:
        return super().__new__(cls, (value,))

    @property
    def value(self) -> T:
        """The wrapped value."""
        return self.unwrap()

    def unwrap(self) -> T:
        """Return the wrapped value."""
        return tuple.__getitem__(self, 0)

    def rewrap(self, value: T) -> BaseAnnotation[T]:
        """Return the same mark around another value."""
        return type(self)(value)

    def __getnewargs__(self) -> tuple[T]:
        return (self.unwrap(),)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.unwrap()!r})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and tuple.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other  # tuples have a `__ne__` of their own that would say otherwise

    __hash__ = tuple.__hash__


class unmapped(BaseAnnotation[T]):  # noqa: N801
    """Give an iterable whole to every run of a map; all runs share the same object."""

    __slots__ = ()

    def __getitem__(self, _: object) -> T:  # type: ignore[override]
        # Like a list without end of the same value, for tools that index what is mapped over.
        return self.unwrap()


class allow_failure(BaseAnnotation[T]):  # noqa: N801
    """Let a failed upstream through: the task receives its exception instead of not starting."""

    __slots__ = ()


class quote(BaseAnnotation[T]):  # noqa: N801
    """Hand a value over unexamined: no futures are looked for in it and it leaves no edge.

    Around what a flow returns, it keeps a state or future from deciding the flow's final state.
    """

    __slots__ = ()

    def unquote(self) -> T:
        """Return the wrapped value."""
        return self.unwrap()


Quote = quote


class opaque(BaseAnnotation[T]):  # noqa: N801
    """Pass a value on without looking inside it, while still tracking the value itself."""

    __slots__ = ()


class freeze(BaseAnnotation[T]):  # noqa: N801
    """Mark a deployment parameter as not editable.

    Args:
        value: anything that has a JSON form.

    Raises:
        ValueError: it has none.

    Example:
        >>> freeze("customer123").unfreeze()
        'customer123'
    """

    __slots__ = ()

    def __new__(cls, value: T) -> freeze[T]:
        import orjson

        try:
            orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
        except TypeError as error:
            raise ValueError(f"Value must be JSON serializable; got {type(value).__name__}.") from error
        return super().__new__(cls, value)  # type: ignore[return-value]

    def unfreeze(self) -> T:
        """Return the wrapped value."""
        return self.unwrap()


class NotSet:
    """Says that an option was not given, where None means something."""
