"""Getting files onto the disk, and replacing one file by another in one step."""

from __future__ import annotations

import os
from pathlib import Path

from penstock._crashpoints import crashpoint


def sync_journals(folder: Path) -> None:
    """Flush every living journal, so that a checkpoint never holds more than the journals do."""
    for path in folder.glob("*.jsonl"):
        try:
            sync_file(path)
        except FileNotFoundError:
            continue


def sync_file(path: Path) -> None:
    """Flush one file."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_folder(folder: Path) -> None:
    """Make renames and new files in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def replace_text(path: Path, text: str) -> None:
    """Write a private file so that readers see the old content or the new, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
    crashpoint("replace.written")
    temporary.replace(path)
    crashpoint("replace.renamed")
