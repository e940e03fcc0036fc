"""Random small notebooks: cells that bind, read, rebind and change a handful of names in all the usual ways."""

from __future__ import annotations

import random
from dataclasses import dataclass

_NAMES = ["a", "b", "c", "items", "more"]
_NUMBERS = ["a", "b", "c"]
_LISTS = ["items", "more"]


_FIRST = """
a, b, c = 1, 2, 3
items = [1, 2]
more = [3]
def reads():
    return a + len(items)
def grows(n):
    more.append(n)
    return len(more)
def counts():
    global b
    b = (b + 1) % 50
    return b
"""


@dataclass(frozen=True)
class Cell:
    source: str
    #: "plain", "task" or "flow".
    kind: str = "plain"

    def text(self, number: int) -> str:
        """Return the cell as a notebook with task cells has it; they take a little while, so that they overlap."""
        if self.kind == "plain":
            return self.source
        head = f"%%task t{number} --no-cache" if self.kind == "task" else f"%%flow f{number} --background"
        return f"{head}\n__import__('time').sleep({number % 3} * 0.002)\n{self.source}"


def cells(seed: int, count: int = 12) -> list[Cell]:
    """Return the cells of one notebook; the first binds every name."""
    rng = random.Random(seed)
    first = Cell(_FIRST)
    kinds = rng.choices(["task", "flow", "plain"], [5, 2, 3], k=count)
    return [first, *(Cell(_body(rng), kind) for kind in kinds)]


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
            f"{x} = grows({n})",
            f"{x} = counts()",
            f"if {x} > {n}:\n    {y} = {z}",
            f"{xs}[0] = {x}",
            f"{x} = (lambda k: k + {y})({n})",
            f"print({x}, {xs})",
            f"{xs} = sorted({xs})[:6]",
        ]
    )
