"""Keys of results: what may name one, and that no other leads out of the storage."""

from __future__ import annotations

import pytest

from penstock._results.storage_keys import key_parts
from penstock.exceptions import MissingResult
from penstock.filesystems import LocalFileSystem, RemoteFileSystem
from penstock.results import ResultStore

GOOD = [
    "a", "a/b", "parameters/0199a1de-0000-7000-8000-000000000000", "hello-world.pickle", "..a", "a..", "...", ".hidden",
    "~", "a b", "größe/ü", "日本", "ab:c", "k=v,x", "%2e%2e", "x" * 255, "/".join(["d" * 99] * 20), "$HOME", "{x}",
]  # fmt: skip

BAD = [
    "", "/", "//", "/abs", "/etc/passwd", "//host/share", "a/", "a//b", "../up", "..", ".", "./a", "a/.", "a/..",
    "a/../b", "a/b/../../..", "a/./b", "../../../../etc/passwd", "..\\up", "a\\..\\..\\b", "\\\\host\\share", "a\\b",
    "C:", "C:\\x", "c:/windows", "C:x", "z:..", "a:b", "s3://bucket/key", "file:///etc/passwd", "http://x/y", "memory://a",
    "git+ssh://x", "nul\0", "\0", "a\0/b", "new\nline", "tab\t", "\r", "\x1b[31m", "\x7f", "a/\x01", "x" * 256,
    "a/" + "y" * 256, "é" * 128, "x/" * 1001 + "x", "x" * 2001, "\ud800", "a/\udfff",
]  # fmt: skip


@pytest.mark.parametrize("key", GOOD)
def test_a_good_key_is_written_and_read(key, tmp_path) -> None:
    store = ResultStore(tmp_path / "storage", cache_result_in_memory=False)
    store.write(key, key)

    assert (store.exists(key), store.read(key).result, "/".join(key_parts(key))) == (True, key, key)
    assert [path.name for path in tmp_path.iterdir()] == ["storage"]


@pytest.mark.parametrize("key", BAD)
@pytest.mark.parametrize("kind", ["local", "remote"])
def test_no_key_leads_out_of_its_storage(key, kind, tmp_path) -> None:
    folder = tmp_path / "in" / "storage"
    store = ResultStore(
        LocalFileSystem(basepath=folder)
        if kind == "local"
        else RemoteFileSystem(basepath=f"memory:/{folder}")
    )

    for act in (store.exists, store.read, lambda key: store.write(1, key)):
        with pytest.raises(ValueError, match="Not usable as a result key"):
            act(key)

    assert list(tmp_path.iterdir()) == []


def test_at_least_forty_bad_keys_are_tried() -> None:
    assert (len(set(BAD)) >= 40, len(set(BAD)) == len(BAD)) == (True, True)


@pytest.mark.parametrize("key", ["link", "folder/secret", "chain", "folder/../link"])
def test_links_that_lead_out_are_not_followed(key, tmp_path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "storage"
    ResultStore(outside).write("not for you", "secret")
    folder.mkdir(mode=0o700)
    (folder / "link").symlink_to(outside / "secret")
    (folder / "folder").symlink_to(outside)
    (folder / "chain").symlink_to("link")

    with pytest.raises((ValueError, MissingResult), match="leads out of|Not usable"):
        ResultStore(folder).read(key)


def test_writing_through_a_link_replaces_the_link(tmp_path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "storage"
    outside.mkdir()
    folder.mkdir(mode=0o700)
    (folder / "link").symlink_to(outside / "made")
    (folder / "folder").symlink_to(outside)
    store = ResultStore(folder)
    store.write(1, "link")

    with pytest.raises(ValueError, match="leads out of"):
        store.write(2, "folder/made")

    assert (list(outside.iterdir()), store.read("link").result) == ([], 1)


def test_a_link_that_stays_inside_is_followed(tmp_path) -> None:
    store = ResultStore(tmp_path / "storage")
    store.write(7, "real")
    (tmp_path / "storage" / "alias").symlink_to("real")

    assert store.read("alias").result == 7
