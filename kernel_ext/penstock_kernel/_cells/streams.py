"""Stand-ins for `sys.stdout` and `sys.stderr`: the text of a recorded run goes to its recorder."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from penstock_kernel._cells.current import recorder


class RoutedStream:
    """Stands for `sys.stdout` or `sys.stderr`.

    Args:
        name: "stdout" or "stderr".
        original: takes everything that no recorder takes.
    """

    def __init__(self, name: str, original: Any) -> None:
        self.route = name
        self.original = original

    def write(self, text: str) -> int:
        """Write to the recorder in force here, or where the text always went."""
        found = recorder.get()
        if found is not None:
            return found.write(self.route, text)
        return int(self.original.write(text) or 0)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write one after the other."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)


def route_streams() -> None:
    """Put routed streams in the place of `sys.stdout` and `sys.stderr`, once."""
    for name in ("stdout", "stderr"):
        present = getattr(sys, name)
        if present is not None and type(present) is not RoutedStream:
            setattr(sys, name, RoutedStream(name, present))


def unroute_streams() -> None:
    """Undo `route_streams`, where nobody has put something else in their place."""
    for name in ("stdout", "stderr"):
        present = getattr(sys, name)
        if type(present) is RoutedStream:
            setattr(sys, name, present.original)
