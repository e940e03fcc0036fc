"""What a task cell with several outputs returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


class CellResult(Mapping[str, object]):
    """The outputs of a cell by name: `result["model"]` or `result.model`.

    A name that is also a method of mappings (`keys`, `items`, `values`, `get`) is reached by item only.
    """

    __slots__ = ("_values",)
    _values: dict[str, object]
    __hash__ = None  # type: ignore[assignment]  # its values need not be hashable

    def __init__(self, values: Mapping[str, object]) -> None:
        object.__setattr__(self, "_values", dict(values))

    def __getitem__(self, name: str) -> object:
        return self._values[name]

    def __getattr__(self, name: str) -> object:
        if name.startswith("__") or name == "_values":  # pickle and copy ask before the values are there
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            names = ", ".join(self._values) or "none"
            raise AttributeError(f"the cell has no output {name!r}; its outputs: {names}") from None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("the result of a task does not change; assign the output to a name of its own")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._values]

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CellResult):
            return NotImplemented
        return self._values.keys() == other._values.keys() and all(
            _equal(value, other._values[name]) for name, value in self._values.items()
        )

    def __repr__(self) -> str:
        if not self._values:
            return "CellResult()"
        width = max(map(len, self._values))
        lines = (f"  {name:<{width}} = {_brief(value)}" for name, value in self._values.items())
        return "CellResult(\n" + "\n".join(lines) + "\n)"

    def __reduce__(self) -> tuple[type[CellResult], tuple[dict[str, object]]]:
        return CellResult, (dict(self._values),)


def _equal(one: object, other: object) -> bool:
    """Compare two values; arrays and frames, whose `==` gives many answers, are equal when all of them are yes."""
    if one is other:
        return True
    if type(one) is not type(other) or getattr(one, "shape", None) != getattr(other, "shape", None):
        return bool(one == other) if not hasattr(one, "shape") else False
    verdict: object = one == other
    while not isinstance(verdict, bool) and callable(every := getattr(verdict, "all", None)):
        reduced = every()
        if type(reduced) is type(verdict):
            verdict = reduced
            break
        verdict = reduced
    return bool(verdict)


def _brief(value: object) -> str:
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return f"<{type(value).__name__} {' x '.join(map(str, shape))}>"
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else text[:77] + "..."
