"""S7 and S10: what the workspace must be like before it is trusted, and what a started store gets from its starter."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from penstock._link.endpoint import Endpoint, answers
from penstock._link.peer import WrongPeer, connect
from penstock._workspace import Workspace, current_workspace, lock_holder, take_lock
from penstock.exceptions import ConfigurationError

from .conftest import eventually
from .test_failures import Place

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")


def test_a_workspace_is_made_for_its_user_only(home):
    made = Workspace(home / "new").prepare()
    assert made.home.stat().st_mode & 0o777 == 0o700


def writable_by_others(home: Path) -> None:
    home.chmod(0o770)


def writable_by_all(home: Path) -> None:
    home.chmod(0o777)


def linked(name: str):
    def plant(home: Path) -> None:
        (home / name).symlink_to("/etc/passwd")

    return plant


def given_away(name: str):
    def plant(home: Path) -> None:
        (home / name).touch()
        os.chown(home / name, NOBODY, NOBODY)

    return plant


def home_given_away(home: Path) -> None:
    os.chown(home, NOBODY, NOBODY)


NAMES = ("store.lock", "endpoint.json", "store.sock", "store.log", "store.duckdb", "journal")
TRAPS = {
    "group may write": (writable_by_others, "Others may write into"),
    "all may write": (writable_by_all, "Others may write into"),
    **{f"{name} is a link": (linked(name), "is a symbolic link; look at it") for name in NAMES},
}
ROOT_TRAPS = {
    "home of another": (home_given_away, f"belongs to user {NOBODY}, not to you"),
    **{f"{name} of another": (given_away(name), f"belongs to user {NOBODY}; look at it") for name in NAMES},
}


def refuses(home: Path, plant, message: str) -> None:
    plant(home)
    with pytest.raises(ConfigurationError, match=message):
        Workspace(home).prepare()


@pytest.mark.parametrize("trap", TRAPS)
def test_a_workspace_that_others_could_have_touched_is_refused(home, trap):
    refuses(home, *TRAPS[trap])


@as_root
@pytest.mark.parametrize("trap", ROOT_TRAPS)
def test_a_workspace_with_things_of_another_user_is_refused(home, trap):
    refuses(home, *ROOT_TRAPS[trap])


def test_the_store_refuses_too_and_says_why_in_its_log(cold):
    (cold.home / "store.lock").symlink_to("/etc/passwd")
    assert cold.spawn().wait(20) == 78
    assert "store.lock is a symbolic link" in cold.log()


def test_the_folder_of_a_long_workspaces_socket_is_checked_too(home, monkeypatch):
    deep = home / ("d" * 100)
    shared = home / "tmp"
    (shared / f"penstock-{os.getuid()}").mkdir(parents=True)
    (shared / f"penstock-{os.getuid()}").chmod(0o777)
    monkeypatch.setattr("tempfile.tempdir", str(shared))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    with pytest.raises(ConfigurationError, match="Others may write into"):
        Workspace(deep).prepare()


@as_root
def test_nothing_is_said_to_a_socket_that_another_user_serves(home):
    path = str(home / "store.sock")
    home.chmod(0o777)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setuid(NOBODY)
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
                listener.bind(path)
                listener.listen()
                os.write(write, b".")
                signal.pause()
        finally:
            os._exit(1)  # never back into pytest
    try:
        assert os.read(read, 1) == b"."
        with pytest.raises(WrongPeer, match=f"served by user {NOBODY}"):
            connect(path, 5)
        assert answers(Endpoint(path, "token", 1)) is False
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(read)
        os.close(write)


def test_a_lock_is_held_by_one_and_its_text_is_only_for_people(home):
    place = Workspace(home)
    assert lock_holder(place) is None
    fd = take_lock(place)
    assert fd is not None
    try:
        assert take_lock(place) is None
        assert lock_holder(place) == {}
        os.write(fd, b'{"pid": 7}')
        assert lock_holder(place) == {"pid": 7}
    finally:
        os.close(fd)
    assert lock_holder(place) is None


def test_a_started_store_gets_nothing_that_changes_which_code_it_runs(home, tmp_path, monkeypatch):
    """Not the caller's folder, path, start-up file or secrets of other programs."""
    (tmp_path / "orjson.py").write_text("raise SystemExit('taken from the current folder')")
    evil = {
        "PYTHONPATH": str(tmp_path) + os.pathsep + os.pathsep.join(sys.path),
        "PYTHONSTARTUP": str(tmp_path / "orjson.py"),
        "LD_PRELOAD": "",
        "PYTHONINSPECT": "",
        "AWS_SECRET_ACCESS_KEY": "canary-of-another-program",
    }
    place = Place(home)
    try:
        out, _ = place.program(
            f"""
            import os, sys
            sys.path.remove({str(tmp_path)!r})
            import orjson
            from penstock._link.client import store
            os.chdir({str(tmp_path)!r})
            print(store().request("POST", "/link/hello", {{"client": "c"}})["pid"])
            """,
            **evil,
        )
        proc = Path("/proc") / out.strip()
        environment = dict(
            item.split("=", 1) for item in (proc / "environ").read_bytes().decode().split("\0") if "=" in item
        )
        source = str(Path(current_workspace.__code__.co_filename).parents[1])
        assert environment["PYTHONPATH"] == source
        assert not {"PYTHONSTARTUP", "LD_PRELOAD", "PYTHONINSPECT", "AWS_SECRET_ACCESS_KEY"} & set(
            environment
        )
        assert (proc / "cwd").resolve() == Path("/")
        arguments = (proc / "cmdline").read_bytes().decode().split("\0")
        assert arguments[:4] == [sys.executable, "-P", "-m", "penstock._store"]
        fds = {os.readlink(path) for path in (proc / "fd").iterdir()}
        assert not [name for name in fds if str(tmp_path) in name]
    finally:
        place.close()
        eventually(place.store_gone)
