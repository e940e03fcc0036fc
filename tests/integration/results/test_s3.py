"""Results in an S3-compatible store: a real server in a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

import numpy as np
import pytest
from tests.conftest import wait_until

from penstock import flow, task
from penstock.exceptions import MissingResult
from penstock.filesystems import RemoteFileSystem
from penstock.results import ResultStore

pytest.importorskip("s3fs")


@pytest.fixture(scope="module")
def bucket() -> Iterator[RemoteFileSystem]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers() -> bool:
        try:
            urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=2).close()
        except (OSError, urllib.error.URLError):
            return False
        return True

    try:
        wait_until(answers, 60)
        settings = {
            "key": "k",
            "secret": "s",
            "endpoint_url": url,
        }
        made = RemoteFileSystem(basepath="s3://penstock/results", settings=settings)
        made.filesystem.mkdir("penstock")
        yield made
    finally:
        server.terminate()
        server.wait(20)


def test_records_go_there_and_back(bucket) -> None:
    store = ResultStore(bucket, cache_result_in_memory=False)
    value = {"small": [1, 2], "big": np.arange(1_500_000)}  # 12 MB: an upload in parts
    store.write(value, "a/b")
    found = store.read("a/b").result

    assert (found["small"], np.array_equal(found["big"], value["big"]), store.exists("a/c")) == (
        [1, 2],
        True,
        False,
    )
    assert bucket.filesystem.ls("penstock/results/a", detail=False) == ["penstock/results/a/b"]
    with pytest.raises(MissingResult, match="s3://penstock/results/a/c"):
        store.read("a/c")


def test_an_upload_that_fails_leaves_what_was_there(bucket) -> None:
    store = ResultStore(bucket, cache_result_in_memory=False)
    store.write("before", "k")

    def pieces() -> Iterator[bytes]:
        yield b"x" * (6 << 20)
        yield b"x" * (6 << 20)
        raise ConnectionError("cut")

    with pytest.raises(ConnectionError, match="cut"):
        store._place.write("k", pieces())

    assert store.read("k").result == "before"


def test_a_torn_object_is_no_record(bucket) -> None:
    store = ResultStore(bucket, cache_result_in_memory=False)
    store.write(list(range(1000)), "torn")
    bucket.write_path("torn", bucket.read_path("torn")[:-5])

    assert store.exists("torn") is False
    with pytest.raises(MissingResult, match="cannot be read"):
        store.read("torn")


def test_tasks_share_a_cache_there(bucket) -> None:
    calls = []

    @task(result_storage_key="of-{parameters[x]}", cache_result_in_memory=False)
    def work(x: int) -> int:
        calls.append(x)
        return x * 2

    @flow(result_storage=bucket, result_serializer="json")
    def run() -> int:
        return work(1) + work(1) + work(2)

    state = run(return_state=True)

    assert (state.result(), calls) == (8, [1, 2])
    assert b'"json"' in bucket.read_path("of-2")
    assert ResultStore(bucket).read(state.state_details.cache_key).result == 8


def test_folders_are_uploaded_and_fetched(bucket, tmp_path) -> None:
    (tmp_path / "code" / "sub").mkdir(parents=True)
    (tmp_path / "code" / "sub" / "flow.py").write_text("x = 1")

    assert bucket.put_directory(str(tmp_path / "code"), "code") == 1
    bucket.get_directory("code", str(tmp_path / "back"))
    assert (tmp_path / "back" / "sub" / "flow.py").read_text() == "x = 1"
