"""Where things are in a workspace (`PENSTOCK_HOME`), and what keeps it private."""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.exceptions import ConfigurationError
from penstock.settings import get_current_settings

#: Version of the protocol between a process and the store process. A store serves this one and the one before.
PROTOCOL = 1
#: Name of the file that lists the tags with a concurrency limit.
LIMITED_TAGS = "limited_tags.json"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The files of one workspace."""

    home: Path

    @property
    def database(self) -> Path:
        """The DuckDB file. Only the store process opens it, ever."""
        return self.home / "store.duckdb"

    @property
    def lock(self) -> Path:
        """Whoever holds its `flock` is the store process. Never unlinked."""
        return self.home / "store.lock"

    @property
    def endpoint(self) -> Path:
        """JSON of the running store: socket, tcp_port, token, pid, start, version, protocol."""
        return self.home / "endpoint.json"

    @property
    def journals(self) -> Path:
        """One file per living (or not yet swept) process."""
        return self.home / "journal"

    @property
    def limited_tags(self) -> Path:
        """JSON list of the tags with a concurrency limit, kept by the store; missing when there are none."""
        return self.home / LIMITED_TAGS

    @property
    def archive(self) -> Path:
        """Journals of processes that are gone and whose events are all in the database."""
        return self.home / "journal" / "archive"

    @property
    def snapshots(self) -> Path:
        """Copies of the database, newest two."""
        return self.home / "snapshots"

    @property
    def quarantine(self) -> Path:
        """Files that could not be read, kept for people."""
        return self.home / "quarantine"

    @property
    def transfer(self) -> Path:
        """Answers to queries on their way from the store to who asked."""
        return self.home / "transfer"

    @property
    def log(self) -> Path:
        """What the store process prints."""
        return self.home / "store.log"

    @property
    def socket(self) -> Path:
        """The Unix socket. Its path must be short, so it lies outside a home that is deep."""
        inside = self.home / "store.sock"
        if len(os.fsencode(inside)) < 90:
            return inside
        runtime = os.environ.get("XDG_RUNTIME_DIR", "")
        base = Path(runtime) if _is_ours(runtime) else Path(tempfile.gettempdir()) / f"penstock-{os.getuid()}"
        return base / f"penstock-{_digest(self.home)}.sock"

    def prepare(self) -> Workspace:
        """Make the folder, private to this user.

        Raises:
            ConfigurationError: it cannot be made, or somebody else owns it or may write into it, or something in it is
                a link that leads elsewhere.
        """
        _make_private(self.home)
        if self.socket.parent != self.home:
            _make_private(self.socket.parent)
        for path in (self.lock, self.endpoint, self.log, self.database, self.journals, self.socket):
            _refuse_planted(path)
        return self


def take_lock(workspace: Workspace) -> int | None:
    """Become the store of a workspace: return the descriptor that holds its lock, None when another process does.

    The lock belongs to the open file, so a forked child holds it too until it closes the descriptor.
    """
    fd = os.open(workspace.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    return fd


def lock_holder(workspace: Workspace) -> dict[str, Any] | None:
    """Return what the store process wrote about itself, None when nobody holds the lock.

    Only the lock says that a store runs: the text may be left over, and its pid may be another process by now.
    """
    try:
        fd = os.open(workspace.lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        text = os.pread(fd, 4096, 0)
    else:
        return None
    finally:
        os.close(fd)
    try:
        about = json.loads(text)
    except ValueError:
        return {}
    return about if isinstance(about, dict) else {}


_places: dict[Path, Workspace] = {}


def current_workspace() -> Workspace:
    """Return the workspace of the settings in force.

    Where nothing can be written, a temporary workspace takes its place, and a warning says so once.
    """
    home = get_current_settings().home
    place = _places.get(home)
    if place is None:
        place = _places[home] = Workspace(_writable(home))
    return place


def _writable(home: Path) -> Path:
    nearest = home
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if os.access(nearest, os.W_OK | os.X_OK) or not _is_ours_or_new(home):
        return home
    instead = Path(tempfile.gettempdir()) / f"penstock-{os.getuid()}-{_digest(home)}"
    logging.getLogger("penstock.workspace").warning(
        "%s cannot be written: runs are recorded in %s for now. Set PENSTOCK_HOME to a folder you can write into.",
        home,
        instead,
    )
    return instead


def _is_ours_or_new(home: Path) -> bool:
    return not home.exists() or home.stat().st_uid == os.getuid()


def _is_ours(folder: str) -> bool:
    try:
        return bool(folder) and Path(folder).stat().st_uid == os.getuid()
    except OSError:
        return False


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"{folder} cannot be made ({error.strerror}); set PENSTOCK_HOME to a folder you can write into."
        ) from error
    # A link of ours may lead to where we want our records; one that somebody else made is a trap.
    for about in (folder.stat(), folder.lstat()):
        if about.st_uid != os.getuid():
            raise ConfigurationError(
                f"{folder} belongs to user {about.st_uid}, not to you; set PENSTOCK_HOME to a folder of yours."
            )
    if folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigurationError(
            f"Others may write into {folder}; run: chmod go-w {folder}  (results are unpickled from there)"
        )


def _refuse_planted(path: Path) -> None:
    """Refuse what was there before us and leads elsewhere or is not ours.

    Raises:
        ConfigurationError: says what to remove.
    """
    try:
        about = path.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISLNK(about.st_mode) or about.st_uid != os.getuid():
        what = "is a symbolic link" if stat.S_ISLNK(about.st_mode) else f"belongs to user {about.st_uid}"
        raise ConfigurationError(f"{path} {what}; look at it, and remove it if you did not make it.")
