"""Every tricky point of the features this SDK is built to has a test of its own, or a reason why not yet."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = tomllib.loads((ROOT / "tests" / "tricky_points.toml").read_text())
#: How many points each section has.
POINTS = {
    1: 4, 2: 5, 3: 4, 4: 4, 5: 5, 6: 4, 7: 4, 8: 3, 9: 3, 10: 4, 11: 4, 12: 5, 13: 5, 14: 5, 15: 4, 16: 3, 17: 5,
    18: 4, 19: 3, 20: 5, 21: 5, 22: 5, 23: 5, 24: 5, 25: 5, 26: 4, 27: 4, 28: 6, 29: 5, 30: 6, 31: 5,
    35: 4, 36: 5, 37: 5, 40: 3, 44: 4, 45: 5, 46: 4, 47: 4, 48: 5, 49: 4, 50: 3, 58: 4, 59: 4,
}  # fmt: skip


def functions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def test_every_point_is_listed_once() -> None:
    expected = {f"{section}.{point}" for section, count in POINTS.items() for point in range(1, count + 1)}
    tested, waiting = set(LIST["tests"]), set(LIST["not_yet"])
    assert tested | waiting == expected
    assert not tested & waiting


def test_every_named_test_exists() -> None:
    missing = []
    for point, identifier in LIST["tests"].items():
        path, _, name = identifier.partition("::")
        if not (ROOT / path).is_file() or name not in functions(ROOT / path):
            missing.append(f"{point}: {identifier}")
    assert missing == []
