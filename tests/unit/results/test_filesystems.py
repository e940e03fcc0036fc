"""File systems: local and remote, sync and awaited, folders with what is ignored, and no way out of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from penstock import flow, task
from penstock.exceptions import MissingResult
from penstock.filesystems import (
    LocalFileSystem,
    NullFileSystem,
    RemoteFileSystem,
    WritableDeploymentStorage,
    WritableFileSystem,
)
from penstock.results import ResultStore


@pytest.fixture(params=["local", "memory"])
def files(request, tmp_path) -> Any:
    if request.param == "local":
        return LocalFileSystem(basepath=tmp_path / "base")
    return RemoteFileSystem(basepath=f"memory:/{tmp_path}/base")


def tree(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def planted(folder: Path) -> Path:
    for name in ("a.txt", "sub/b.txt", "sub/c.log", "skip/d.txt", ".ignore"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("*.log\nskip/\n.ignore\n" if name == ".ignore" else name)
    return folder


def test_paths_are_written_and_read(files) -> None:
    where = files.write_path("deep/in/a.bin", b"\x00water")

    assert (files.read_path("deep/in/a.bin"), files.read_path(where)) == (b"\x00water", b"\x00water")
    with pytest.raises(FileNotFoundError):
        files.read_path("nothing")


@pytest.mark.parametrize("path", ["../out", "a/../../out", "/etc/passwd", "memory://elsewhere/x"])
def test_no_path_leads_out(files, path) -> None:
    if path.startswith("/") and isinstance(files, RemoteFileSystem):
        assert files.write_path(path, b"") == f"{files.basepath}/etc/passwd"
        return
    if "://" in path and isinstance(files, LocalFileSystem):
        return
    for act in (files.read_path, lambda path: files.write_path(path, b""), files.get_directory):
        with pytest.raises(ValueError, match="leads out of|outside of"):
            act(path)


async def _awaited(files: Any, local: Path) -> list[Any]:
    out = [await files.awrite_path("x", b"1"), await files.aread_path("x")]
    await files.write_path("y", b"2")
    out += [await files.read_path("y"), files.read_path("y")]
    await files.aput_directory(str(local), "tree")
    await files.aget_directory("tree", str(local.parent / "again"))
    await files.put_directory(str(local), "tree")
    await files.get_directory("tree", str(local.parent / "more"))
    return out[1:]


def test_methods_may_be_awaited_and_have_async_twins(files, tmp_path) -> None:
    local = planted(tmp_path / "local")

    assert asyncio.run(_awaited(files, local)) == [b"1", b"2", b"2"]
    assert tree(tmp_path / "again") == tree(tmp_path / "more") == tree(local)


def test_folders_go_there_and_back_without_what_is_ignored(files, tmp_path) -> None:
    local = planted(tmp_path / "local")
    files.put_directory(str(local), "code", ignore_file=str(local / ".ignore"))
    files.get_directory("code", str(tmp_path / "back"))

    assert tree(tmp_path / "back") == {"a.txt": "a.txt", "sub/b.txt": "sub/b.txt"}


def test_the_current_folder_is_the_default(files, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(planted(tmp_path / "local"))
    files.put_directory()
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    files.get_directory()

    assert tree(tmp_path / "empty") == tree(tmp_path / "local")


def test_uploads_are_counted_and_may_leave_files_alone(tmp_path) -> None:
    files = RemoteFileSystem(basepath=f"memory:/{tmp_path}/count")
    local = planted(tmp_path / "local")
    first = files.put_directory(str(local))
    (local / "a.txt").write_text("changed")

    assert (first, files.put_directory(str(local), overwrite=False), files.read_path("a.txt")) == (
        5,
        0,
        b"a.txt",
    )
    assert (files.put_directory(str(local)), files.read_path("a.txt")) == (5, b"changed")


@pytest.mark.parametrize("bad", ["/folder", "folder", "s3:/x", "file:///x", "local://x", ""])
def test_a_remote_base_path_is_a_url_of_another_system(bad) -> None:
    with pytest.raises(ValidationError, match="scheme"):
        RemoteFileSystem(basepath=bad)


def test_a_null_file_system_keeps_nothing() -> None:
    files = NullFileSystem()

    assert (
        files.write_path("x", b"1"),
        files.read_path("x"),
        files.put_directory(),
        files.get_directory(),
    ) == (None,) * 4
    assert isinstance(files, (WritableFileSystem, WritableDeploymentStorage))


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(ValidationError):
        LocalFileSystem(base="x")


class Own(WritableFileSystem):
    """A user's own file system, with async methods."""

    files: dict[str, bytes] = {}

    async def read_path(self, path: str) -> bytes:
        return self.files[path]

    async def write_path(self, path: str, content: bytes) -> None:
        self.files[path] = content


@pytest.mark.parametrize("inside_a_loop", [False, True])
def test_an_own_file_system_needs_two_methods(inside_a_loop) -> None:
    own = Own()

    @task(result_storage=own, result_storage_key="made-{parameters[x]}")
    def work(x: int) -> int:
        return x + 1

    @flow
    def run() -> Any:
        return work(1), work(1, return_state=True).name

    async def main() -> Any:
        return run()

    assert (asyncio.run(main()) if inside_a_loop else run()) == (2, "Cached")
    assert list(own.files) == ["made-1"]


def test_a_torn_record_is_never_read(tmp_path) -> None:
    """What another writer left half: length and checksum are in the head."""
    files = RemoteFileSystem(basepath=f"memory:/{tmp_path}/torn")
    store = ResultStore(files, cache_result_in_memory=False)
    store.write(list(range(1000)), "k")
    whole = files.read_path("k")
    for end in [*range(0, len(whole), 97), len(whole) - 1]:
        files.write_path("k", whole[:end])
        assert store.exists("k") is False
        with pytest.raises(MissingResult):
            store.read("k")
    for at in range(0, len(whole), 53):
        files.write_path("k", whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            assert store.read("k").result == list(range(1000))  # a byte of the head that means nothing
        except MissingResult:
            continue
    files.write_path("k", whole)
    assert store.read("k").result == list(range(1000))
