"""Add up JUnit files and print one line: `N passed, N failed, N skipped`.

A test that a later file has too was run again: its last result counts, and it is named with both.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path


def outcomes(path: Path) -> dict[str, Counter[str]]:
    """Return what became of each test of one file; one with subtests counts several times, an error is a failure."""
    found: dict[str, Counter[str]] = {}
    for case in ET.parse(path).getroot().iter("testcase"):
        tags = {child.tag for child in case}
        outcome = "failed" if tags & {"failure", "error"} else "skipped" if "skipped" in tags else "passed"
        found.setdefault(f"{case.get('classname')}.{case.get('name')}", Counter())[outcome] += 1
    return found


def main(paths: list[str]) -> int:
    """Print the line; 1 when something failed or nothing ran."""
    total: dict[str, Counter[str]] = {}
    for path in map(Path, paths):
        if path.exists():
            new = outcomes(path)
            for name in sorted(new.keys() & total.keys()):
                print(f"run again: {name}: failed, then {'failed' if new[name]['failed'] else 'passed'}")
            total |= new
    numbers = sum(total.values(), Counter[str]())
    print(", ".join(f"{numbers[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped")))
    return int(numbers["failed"] > 0 or numbers["passed"] == 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
