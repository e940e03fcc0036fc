"""Where things are in a workspace (`PENSTOCK_HOME`), and what keeps it private."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

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
    def log(self) -> Path:
        """What the store process prints."""
        return self.home / "store.log"

    @property
    def socket(self) -> Path:
        """The Unix socket. Its path must be short, so it lies outside a home that is deep."""
        inside = self.home / "store.sock"
        if len(os.fsencode(inside)) < 90:
            return inside
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        runtime = os.environ.get("XDG_RUNTIME_DIR")
        base = Path(runtime) if runtime else Path(tempfile.gettempdir()) / f"penstock-{os.getuid()}"
        return base / f"penstock-{digest}.sock"

    def prepare(self) -> Workspace:
        """Make the folder, private to this user.

        Raises:
            ConfigurationError: the folder belongs to somebody else or others may write into it.
        """
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = self.home.stat()
        if about.st_uid != os.getuid():
            raise ConfigurationError(
                f"{self.home} belongs to user {about.st_uid}, not to you; set PENSTOCK_HOME to a folder of yours."
            )
        if about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise ConfigurationError(
                f"Others may write into {self.home}; run: chmod go-w {self.home}  (results are unpickled from there)"
            )
        if self.socket.parent != self.home:
            self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self


def current_workspace() -> Workspace:
    """Return the workspace of the settings in force."""
    return Workspace(get_current_settings().home)
