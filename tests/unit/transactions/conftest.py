"""A result store of the test's own, and a log of what hooks saw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from penstock._results.store import ResultStore
from penstock.settings import temporary_settings


@pytest.fixture(autouse=True)
def storage(tmp_path: Path):
    """Where results go."""
    with temporary_settings({"results_local_storage_path": tmp_path / "storage"}):
        yield tmp_path / "storage"


@pytest.fixture
def store(storage: Path) -> ResultStore:
    return ResultStore(storage)


class Diary:
    """Hooks that write down that they ran."""

    def __init__(self) -> None:
        self.entries: list[str] = []

    def hook(self, text: str) -> Any:
        def note(txn: Any) -> None:
            del txn
            self.entries.append(text)

        return note


@pytest.fixture
def diary() -> Diary:
    return Diary()
