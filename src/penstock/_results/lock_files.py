"""Locks that processes of one machine share, as files. Reference page: api-ref prefect-locking-filesystem.

One small file a lock. It says who holds the lock and until when, and the process of the holder keeps it `flock`ed:
so the kernel frees the lock of a process that dies, however it dies. Every look and change happens under the
`flock` of one guard file for the folder, for some microseconds; so files can come and go without races.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path

from penstock._results.locks import PollingLockManager, not_held

_GUARD = "guard"


@dataclass(frozen=True, slots=True)
class _Hold:
    """What a lock file says."""

    key: str
    holder: str
    #: Seconds since 1970; None for never. The wall clock, because other processes read it.
    until: float | None
    process: int
    host: str

    def over(self, now: float) -> bool:
        """True when others may take the lock."""
        return self.until is not None and self.until <= now


#: Descriptors of the lock files this process holds, and what they say.
_held: dict[Path, tuple[int, _Hold]] = {}


class FileSystemLockManager(PollingLockManager):
    """Locks for all processes that see a folder.

    Args:
        lock_files_directory: where the lock files are; made when first needed.

    Example:
        >>> locks = FileSystemLockManager(lock_files_directory=folder)
        >>> locks.acquire_lock("report", "me"), locks.acquire_lock("report", "you", acquire_timeout=0)
        (True, False)
        >>> locks.release_lock("report", "me")
    """

    def __init__(self, lock_files_directory: Path | str) -> None:
        self.lock_files_directory = Path(lock_files_directory).expanduser().absolute()

    def try_lock(self, key: str, holder: str, hold_timeout: float | None) -> bool | None:
        """Take the lock if it is free, or this holder's own; None while another process looks into the folder."""
        path, now = self._path(key), time.time()
        until = None if hold_timeout is None else now + hold_timeout
        try:
            with self._guarded(wait=False):
                found = _look(path, now)
                if found is None:
                    _take(path, _Hold(key, holder, until, os.getpid(), socket.gethostname()))
                elif found.holder == holder and _is_ours(path, found):
                    _say(path, _Hold(key, holder, until, os.getpid(), found.host))
                return found is None or found.holder == holder
        except BlockingIOError:
            return None

    def release_lock(self, key: str, holder: str) -> None:
        """Free the lock on `key`.

        Raises:
            ValueError: `holder` does not hold it.
        """
        path = self._path(key)
        with self._guarded():
            found = _read(path)
            if path in _held and _held[path][1].holder == holder:
                _let_go(path)
            if found is None or found.holder != holder:
                raise not_held(key, holder)
            path.unlink(missing_ok=True)

    def is_locked(self, key: str, use_cache: bool = False) -> bool:
        """True while somebody holds the lock on `key`.

        Args:
            key: which record.
            use_cache: do not look at the files when this process holds it.
        """
        path = self._path(key)
        known = _held.get(path) if use_cache else None
        if known is not None and not known[1].over(time.time()):
            return True
        with self._guarded():
            return _look(path, time.time()) is not None

    def is_lock_holder(self, key: str, holder: str) -> bool:
        """True while `holder` holds the lock on `key`."""
        with self._guarded():
            found = _look(self._path(key), time.time())
        return found is not None and found.holder == holder

    def __repr__(self) -> str:
        return f"FileSystemLockManager({str(self.lock_files_directory)!r})"

    def _path(self, key: str) -> Path:
        """Keys may be longer than file names, and hold anything."""
        name = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()
        return self.lock_files_directory / f"{name}.lock"

    @contextmanager
    def _guarded(self, *, wait: bool = True) -> Iterator[None]:
        self.lock_files_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self.lock_files_directory / _GUARD, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        finally:
            # Not by closing alone: a child that was forked in this moment has the descriptor, too.
            with suppress(OSError):
                fcntl.flock(fd, fcntl.LOCK_UN)
            os.close(fd)


def _read(path: Path) -> _Hold | None:
    """Return what a lock file says; None for none, and for one whose process died while it wrote."""
    try:
        return _Hold(**json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _look(path: Path, now: float) -> _Hold | None:
    """Return who holds the lock; None when it is free, its time is over or its process is gone."""
    found = _read(path)
    if found is None or found.over(now):
        return None
    if _is_ours(path, found):
        return found
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return found
    else:
        fcntl.flock(fd, fcntl.LOCK_UN)
        return None
    finally:
        os.close(fd)


def _is_ours(path: Path, hold: _Hold) -> bool:
    """True when this process has the lock; one whose time is over may have gone to another process."""
    return path in _held and _held[path][1] == hold


def _take(path: Path, hold: _Hold) -> None:
    """Make the lock file anew: whoever had it before may still hold the old one open."""
    _let_go(path)
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    _held[path] = fd, hold
    _say(path, hold)


def _say(path: Path, hold: _Hold) -> None:
    fd = _held[path][0]
    os.ftruncate(fd, 0)
    os.pwrite(fd, json.dumps(asdict(hold)).encode(), 0)
    _held[path] = fd, hold


def _let_go(path: Path) -> None:
    held = _held.pop(path, None)
    if held is not None:
        fcntl.flock(held[0], fcntl.LOCK_UN)
        os.close(held[0])


def _after_fork() -> None:
    """Close a forked child's copies: while they are open, the death of the parent goes unnoticed."""
    for fd, _ in _held.values():
        os.close(fd)
    _held.clear()


os.register_at_fork(after_in_child=_after_fork)
