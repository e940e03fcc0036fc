"""Random small notebooks: cells that bind, read, rebind and change a handful of names in all the usual ways."""

from __future__ import annotations

import random
from dataclasses import dataclass

_NAMES = ["a", "b", "c", "items", "more"]
_NUMBERS = ["a", "b", "c"]
_LISTS = ["items", "more"]


@dataclass(frozen=True)
class Cell:
    source: str
    is_task: bool

    def text(self, number: int) -> str:
        """Return the cell as a notebook with task cells has it; tasks take a little while, so that they overlap."""
        if not self.is_task:
            return self.source
        return f"%%task t{number} --no-cache\n__import__('time').sleep({number % 3} * 0.002)\n{self.source}"


def cells(seed: int, count: int = 12) -> list[Cell]:
    """Return the cells of one notebook; the first binds every name."""
    rng = random.Random(seed)
    first = Cell(
        "a, b, c = 1, 2, 3\nitems = [1, 2]\nmore = [3]\ndef reads():\n    return a + len(items)", False
    )
    return [first, *(Cell(_body(rng), rng.random() < 0.7) for _ in range(count))]


def _body(rng: random.Random) -> str:
    x, y, z = (rng.choice(_NUMBERS) for _ in range(3))
    xs, ys = rng.choice(_LISTS), rng.choice(_LISTS)
    n = rng.randrange(9)
    return rng.choice(
        [
            f"{x} = {y} + {n}",
            f"{x} = ({y} * 3 + {z}) % 97",
            f"{x} += {n}",
            f"{xs} = {ys} + [{x}]",
            f"{xs}.append({x})",
            f"{x} = len({xs})",
            f"for i in {xs}:\n    {x} = ({x} + i) % 89",
            f"if {x} % 2: {y} = {n}\nelse: {z} = {n}",
            f"{x}, {y} = {y}, {x}",
            f"{x} = sum(v for v in {xs} if v > {n})",
            f"{x} = reads()",
            f"if {x} > {n}:\n    {y} = {z}",
            f"{xs}[0] = {x}",
            f"{x} = (lambda k: k + {y})({n})",
            f"print({x}, {xs})",
            f"{xs} = sorted({xs})[:6]",
        ]
    )
