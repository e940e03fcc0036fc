"""What holds for every file of the repository."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "penstock",
    "penstock_runners",
    "penstock_dask",
    "penstock_ray",
    "penstock_widgets",
    "penstock_kernel",
)
SOURCE_ROOTS = ("src", "runners", "widgets", "kernel_ext")

# Built from pieces, so that this file does not match itself.
HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("anaconda", "org"),
        ("crates", "io"),
    )
]
FOLDERS = [
    "/" + "/".join(parts) + "/"
    for parts in (("work",), ("root",), ("tmp", "env"), ("opt", "wheels"), ("opt", "pypi"))
]
FORBIDDEN = re.compile(
    "|".join(
        [rf"(?<![\w-]){re.escape(host)}\b" for host in HOSTS]
        + [rf"(?<![\w.~-]){re.escape(f)}" for f in FOLDERS]
    )
)


def tracked() -> list[Path]:
    """Return every tracked or new file that is still there."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [ROOT / name for name in listing.split("\0") if name and (ROOT / name).is_file()]


def sources() -> list[Path]:
    """Return the Python files of the four packages."""
    return [path for root in SOURCE_ROOTS for path in sorted((ROOT / root).rglob("*.py"))]


def modules(*, public: bool) -> list[str]:
    """Return the importable module names of the four packages."""
    names = []
    for package in PACKAGES:
        try:
            root = importlib.import_module(package)
        except ModuleNotFoundError as error:
            if error.name == package:
                continue
            raise
        names.append(package)
        names.extend(
            info.name for info in pkgutil.walk_packages(root.__path__, f"{package}.", onerror=_reraise)
        )
    return [name for name in names if not public or not any(part.startswith("_") for part in name.split("."))]


def _reraise(name: str) -> None:
    raise ImportError(f"{name} cannot be imported while its package is walked")


def test_no_file_names_a_registry_or_a_machine() -> None:
    found = []
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in FORBIDDEN.finditer(text)]
    assert found == []


@pytest.mark.parametrize(
    "text", [f"see https://{HOSTS[0]}/simple", f"cd {FOLDERS[0]}main", f"files.{HOSTS[1]}"]
)
def test_pattern_catches(text: str) -> None:
    assert FORBIDDEN.search(text)


@pytest.mark.parametrize("text", ["api/work/pools", f"{HOSTS[0]}anisation", "~/root/x"])
def test_pattern_lets_through(text: str) -> None:
    assert not FORBIDDEN.search(text)


@pytest.mark.parametrize("folder", SOURCE_ROOTS)
def test_source_root_is_not_a_package(folder: str) -> None:
    assert (ROOT / folder).is_dir()
    assert not (ROOT / folder / "__init__.py").exists()


def test_every_package_says_it_is_typed() -> None:
    missing = [
        package
        for root, package in zip(SOURCE_ROOTS, PACKAGES, strict=True)
        if not (ROOT / root / package / "py.typed").exists()
    ]
    assert missing == []


def test_no_source_file_is_longer_than_450_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources()}
    assert len(lengths) > 10
    assert {name: lines for name, lines in lengths.items() if lines > 450} == {}


def test_every_public_module_lists_what_it_offers() -> None:
    """`__all__` exists and every name in it can be had; that it is sorted is ruff's rule RUF022.

    Public are the modules users import; commands, magics and widgets are reached in other ways.
    """
    wrong = []
    for name in modules(public=True):
        if not name.startswith(("penstock.", "penstock_runners")) or name.startswith("penstock.cli"):
            continue
        module = importlib.import_module(name)
        offered = getattr(module, "__all__", None)
        if offered is None:
            wrong.append(f"{name}: no __all__")
            continue
        wrong += [f"{name}: {entry} is missing" for entry in offered if not hasattr(module, entry)]
    assert wrong == []


def test_scripts_can_be_executed() -> None:
    """The first line says how, and the file mode lets it."""
    scripts = [path for path in (ROOT / "scripts").iterdir() if path.is_file() and not path.suffix]
    scripts += [ROOT / ".ci" / "run", ROOT / "binder" / "postBuild"]
    wrong = [
        path.name
        for path in scripts
        if not path.read_text().startswith("#!") or not path.stat().st_mode & 0o111
    ]
    assert wrong == []


def test_constraints_are_versions_only() -> None:
    """No index, no option, no path: one `name==version` a line, with a marker at most."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line]
    wrong = [line for line in lines if not re.fullmatch(r"[a-z0-9][a-z0-9.\[\]-]*==[\w.+!]+( ; .+)?", line)]
    assert len(lines) > 50
    assert wrong == []
