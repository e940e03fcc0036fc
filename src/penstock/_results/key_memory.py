"""The last keys of each task, so that a miss can be explained where it happens, without asking the store.

One small file a task in the workspace's `keys` folder, written on a miss only. It is a memory and no record: the
journal has every key, and a lost or damaged file costs one explanation.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from penstock._ids import short_hex
from penstock._results.misses import EarlierKey

#: How many different keys of a task are remembered.
KEPT = 12
_LONGEST_TEXT = 20_000


class KeyMemory:
    """Earlier keys of one task.

    Args:
        folder: the workspace's folder; without one nothing is remembered.
        task_key: which task.
    """

    def __init__(self, folder: Path, task_key: str) -> None:
        name = blake2b(task_key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        self._path = folder / "keys" / f"{name}.json"
        self.earlier: list[EarlierKey] = []
        self.texts: dict[str, str] = {}
        self._read()

    def _read(self) -> None:
        try:
            data = json.loads(self._path.read_bytes())
            self.earlier = [EarlierKey(str(run["key"]), dict(run["parts"])) for run in data["runs"]]
            self.texts = dict(data["texts"])
        except (OSError, ValueError, KeyError, TypeError):  # none yet, or damaged: begin anew
            self.earlier, self.texts = [], {}

    def remember(self, key: str, parts: Mapping[str, str], texts: Mapping[str, str]) -> None:
        """Put a key before the earlier ones; quietly nothing where the folder cannot be written."""
        runs = [EarlierKey(key, dict(parts)), *(run for run in self.earlier if run.key != key)][:KEPT]
        used = {digest for run in runs for digest in run.parts.values()}
        known = {**self.texts, **{digest: text[:_LONGEST_TEXT] for digest, text in texts.items()}}
        self._write(
            {
                "runs": [{"key": run.key, "parts": run.parts} for run in runs],
                "texts": {digest: text for digest, text in known.items() if digest in used},
            }
        )

    def _write(self, data: dict[str, Any]) -> None:
        temporary = self._path.with_name(f".{short_hex(12)}")
        try:
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(json.dumps(data).encode())
            temporary.replace(self._path)
        except OSError:
            temporary.unlink(missing_ok=True)
