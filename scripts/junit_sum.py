"""Add up JUnit files and print one line: `N passed, N failed, N skipped`.

A test that a later file has too was run again: its last result counts, and it is named.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

#: From best to worst: a test whose call passed and whose teardown did not has failed.
_OUTCOMES = ("passed", "skipped", "failed")


def outcomes(path: Path) -> dict[str, str]:
    """Return what became of each test of one file; an error counts as a failure."""
    found: dict[str, str] = {}
    for case in ET.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        tags = {child.tag for child in case}
        outcome = "failed" if tags & {"failure", "error"} else "skipped" if "skipped" in tags else "passed"
        found[name] = max(found.get(name, "passed"), outcome, key=_OUTCOMES.index)
    return found


def main(paths: list[str]) -> int:
    """Print the line; 1 when something failed or nothing ran."""
    total: dict[str, str] = {}
    for path in map(Path, paths):
        if path.exists():
            new = outcomes(path)
            for name in sorted(new.keys() & total.keys()):
                print(f"run again: {name}: {total[name]}, then {new[name]}")
            total |= new
    numbers = {outcome: list(total.values()).count(outcome) for outcome in _OUTCOMES}
    print(", ".join(f"{numbers[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped")))
    return int(numbers["failed"] > 0 or numbers["passed"] == 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
