"""Add up JUnit files and print one line: `N passed, N failed, N skipped`."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path


def counts(path: Path) -> tuple[int, int, int]:
    """Return passed, failed (errors too) and skipped of one file."""
    passed = failed = skipped = 0
    for suite in ET.parse(path).getroot().iter("testsuite"):
        bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        passed += int(suite.get("tests", 0)) - bad - int(suite.get("skipped", 0))
        failed += bad
        skipped += int(suite.get("skipped", 0))
    return passed, failed, skipped


def main(paths: list[str]) -> int:
    """Print the line; 1 when something failed or nothing ran."""
    totals = [counts(Path(path)) for path in paths if Path(path).exists()]
    passed, failed, skipped = (sum(column) for column in zip(*totals, strict=True)) if totals else (0, 0, 0)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return int(failed > 0 or passed == 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
