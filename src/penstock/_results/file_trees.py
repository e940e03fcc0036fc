"""Folders with everything in them, but for what a file of gitignore patterns leaves out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path


def files_of(folder: Path, ignore_file: str | Path | None = None) -> Iterator[Path]:
    """Return the files below a folder, as paths relative to it, in order.

    Args:
        folder: where; symbolic links to folders are not followed.
        ignore_file: a file of gitignore patterns of what is left out.
    """
    ignored = None
    if ignore_file is not None:
        import pathspec

        ignored = pathspec.GitIgnoreSpec.from_lines(
            Path(ignore_file).read_text(encoding="utf-8").splitlines()
        )
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            file = (Path(parent) / name).relative_to(folder)
            if ignored is None or not ignored.match_file(file.as_posix()):
                yield file


def copy_tree(source: Path, target: Path, ignore_file: str | Path | None = None) -> None:
    """Copy the files below a folder into another one; nothing happens when both are the same.

    Args:
        source: the folder.
        target: where to; made when it is not there.
        ignore_file: a file of gitignore patterns of what is left out.
    """
    if source.resolve() == target.resolve():
        return
    for file in list(files_of(source, ignore_file)):  # listed first: the target may be inside
        where = target / file
        where.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / file, where)
