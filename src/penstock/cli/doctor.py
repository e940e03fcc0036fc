"""``penstock doctor``: looks at the workspace and says what is wrong and what to do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path

from penstock._journal.liveness import is_dead
from penstock._link.client import store
from penstock._link.endpoint import Endpoint, process_state, read_endpoint
from penstock._link.standing import Standing, standing
from penstock._workspace import PROTOCOL, Workspace, current_workspace, lock_holder
from penstock.exceptions import ConfigurationError, PenstockException
from penstock.settings import get_current_settings

#: Seconds a store that is well may take to answer.
_HEALTH_SECONDS = 5.0
_LEAST_FREE = 100_000_000
_MEGA, _GIGA = 1e6, 1e9


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was seen, and what to do about it; `todo` is None where all is well."""

    what: str
    seen: str
    todo: str | None = None


def doctor() -> None:
    """Look at the workspace and say what is wrong with it and what to do; exits with 1 when something is."""
    findings = [*examine(current_workspace()), *versions()]
    for finding in findings:
        print(f"{finding.what:<12}{finding.seen}")
    problems = [finding for finding in findings if finding.todo]
    for finding in problems:
        print(f"! {finding.what}: {finding.todo}")
    raise SystemExit(1 if problems else 0)


def examine(workspace: Workspace) -> Iterator[Finding]:
    """Look at one workspace; nothing is started or changed."""
    yield _place(workspace)
    if not workspace.home.exists():
        return
    yield _permissions(workspace)
    yield from _process(workspace)
    yield _journals(workspace)
    yield _database(workspace)
    yield _disk(workspace)


def versions() -> Iterator[Finding]:
    """Say which versions are installed of what Penstock stands on."""
    yield Finding("penstock", f"{_installed('penstock')}, protocol {PROTOCOL}")
    yield Finding("duckdb", _installed("duckdb"))
    kernel = _installed("ipykernel")
    yield Finding("ipykernel", kernel, kernel_advice(kernel))


def kernel_advice(version: str) -> str | None:
    """Say what a kernel of this version cannot do; None for one that can do everything, or is not installed.

    Example:
        >>> kernel_advice("7.1.0") is None
        True
    """
    major = version.split(".", maxsplit=1)[0]
    if not major.isdigit() or int(major) >= 7:
        return None
    return "forms cannot be answered while a cell runs on this kernel; run: pip install 'ipykernel>=7'"


def _place(workspace: Workspace) -> Finding:
    wanted = get_current_settings().home
    if workspace.home != wanted:
        todo = f"{wanted} cannot be written; set PENSTOCK_HOME to a folder that can, or records end with this machine"
        return Finding("workspace", f"{workspace.home} (temporary)", todo)
    seen = str(workspace.home) if workspace.home.exists() else f"{workspace.home} (made by the first run)"
    return Finding("workspace", seen)


def _permissions(workspace: Workspace) -> Finding:
    try:
        workspace.prepare()
    except ConfigurationError as error:
        return Finding("permissions", "not private", str(error))
    return Finding("permissions", f"{workspace.home.stat().st_mode & 0o777:o}, yours")


def _process(workspace: Workspace) -> Iterator[Finding]:
    holder, endpoint = lock_holder(workspace), read_endpoint(workspace)
    if holder is None:
        yield Finding("store", "not running; the next run starts one")
        if endpoint is not None:
            yield Finding("endpoint", f"left over from process {endpoint.pid}; the next store replaces it")
        return
    pid = holder.get("pid", "?")
    if endpoint is None:
        yield Finding(
            "store", f"process {pid} holds the lock", f"it is starting or ending; else run: kill -9 {pid}"
        )
        return
    yield _health(endpoint)
    yield _standing(endpoint)


def _health(endpoint: Endpoint) -> Finding:
    kill = f"kill -9 {endpoint.pid}  (what it acknowledged is safe; the next run starts another)"
    if process_state(endpoint.pid, endpoint.start) == "T":
        todo = f"it is stopped; run: kill -CONT {endpoint.pid}, or: {kill}"
        return Finding("store", f"process {endpoint.pid}", todo)
    try:
        store().request("GET", "/api/health", start=False, timeout=_HEALTH_SECONDS)
    except (PenstockException, OSError) as error:
        return Finding("store", f"process {endpoint.pid}", f"it does not answer ({error}); run: {kill}")
    return Finding("store", f"process {endpoint.pid}, answers at http://127.0.0.1:{endpoint.tcp_port}/api")


def _standing(endpoint: Endpoint) -> Finding:
    seen = f"store {endpoint.version}, protocol {endpoint.protocol}"
    stands = standing(endpoint.protocol)
    if stands is Standing.TOO_NEW:
        return Finding(
            "version", seen, "the store is newer than this Penstock and does not serve it; upgrade this one"
        )
    if stands is Standing.OUTDATED or endpoint.version != _installed("penstock"):
        return Finding("version", seen, "the store is of another version; run: penstock server stop")
    return Finding("version", seen)


def _journals(workspace: Workspace) -> Finding:
    paths = list(workspace.journals.glob("*.jsonl"))
    left = sum(is_dead(path) for path in paths)
    archived = list(workspace.archive.glob("*.jsonl"))
    size = sum(_size(path) for path in archived)
    seen = f"{len(paths) - left} of living processes, {left} to be taken in, {len(archived)} archived"
    return Finding("journals", f"{seen} ({size / _MEGA:.1f} MB)")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0  # two snapshots have it, so the store has removed it meanwhile


def _database(workspace: Workspace) -> Finding:
    size = workspace.database.stat().st_size if workspace.database.exists() else 0
    snapshots = len(list(workspace.snapshots.glob("*.duckdb"))) if workspace.snapshots.exists() else 0
    kept = sorted(workspace.quarantine.glob("*")) if workspace.quarantine.exists() else []
    seen = f"{size / _MEGA:.1f} MB, {snapshots} snapshots"
    if not kept:
        return Finding("database", seen)
    return Finding(
        "database",
        seen,
        f"one could not be read and was rebuilt from the journals; look at {kept[-1]}, then remove it",
    )


def _disk(workspace: Workspace) -> Finding:
    free = shutil.disk_usage(workspace.home).free
    todo = "free some space: events wait in memory until they can be written" if free < _LEAST_FREE else None
    return Finding("disk", f"{free / _GIGA:.1f} GB free", todo)


def _installed(name: str) -> str:
    try:
        return installed(name)
    except PackageNotFoundError:
        return "not installed"
