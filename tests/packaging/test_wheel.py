"""What is shipped: the contents of wheel and sdist, and that an installed copy works."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

pytestmark = pytest.mark.packaging

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "penstock": "src",
    "penstock_kernel": "kernel_ext",
    "penstock_dask": "runners",
    "penstock_ray": "runners",
    "penstock_runners": "runners",
    "penstock_widgets": "widgets",
}
NOT_SHIPPED = {"__pycache__", "node_modules"}


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Build both with the backend of this environment: nothing is downloaded."""
    out = tmp_path_factory.mktemp("dist")
    command = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--wheel",
        "--sdist",
        "--outdir",
        str(out),
        str(ROOT),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = out.glob("*.whl")
    (sdist,) = out.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}


@pytest.fixture(scope="module")
def wheel_files(distributions: dict[str, Path]) -> set[str]:
    """Return the names in the wheel."""
    return set(zipfile.ZipFile(distributions["wheel"]).namelist())


@pytest.fixture(scope="module")
def installed(distributions: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the wheel where only a subprocess that is told so finds it."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(distributions["wheel"]) as wheel:
        wheel.extractall(folder)
    return folder


def run_installed(installed: Path, code: str) -> str:
    """Run code where the installed copy shadows the checkout; return what it prints."""
    env = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(
        command, cwd=installed, env=env, check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def package_files(package: str, root: str) -> set[str]:
    """Return what git knows below one package, as names in the wheel."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", f"{root}/{package}"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return {name.removeprefix(f"{root}/") for name in listing.split("\0") if name and (ROOT / name).is_file()}


def test_wheel_has_exactly_four_packages(wheel_files: set[str]) -> None:
    top = {PurePosixPath(name).parts[0] for name in wheel_files}
    assert {name for name in top if not name.endswith((".dist-info", ".data"))} == set(PACKAGES)


@pytest.mark.parametrize(("package", "root"), PACKAGES.items())
def test_wheel_has_every_file_of_the_package(wheel_files: set[str], package: str, root: str) -> None:
    """SQL, static bundles and py.typed included: a folder left out vanishes without a word."""
    expected = package_files(package, root)
    assert f"{package}/py.typed" in expected
    assert expected - wheel_files == set()


@pytest.mark.parametrize(
    ("folder", "suffix"), [("penstock/_store/schema", ".sql"), ("penstock_widgets/static", ".js")]
)
def test_wheel_has_data(wheel_files: set[str], folder: str, suffix: str) -> None:
    assert [name for name in wheel_files if name.startswith(f"{folder}/") and name.endswith(suffix)] != []


def test_wheel_has_nothing_of_the_workshop(wheel_files: set[str]) -> None:
    strangers = [
        name
        for name in wheel_files
        if NOT_SHIPPED & set(PurePosixPath(name).parts) or "/tests/" in f"/{name}"
    ]
    assert strangers == []


def test_sdist_builds_the_same_packages(distributions: dict[str, Path]) -> None:
    """All sources and the licence are in it, no built folder of this checkout is."""
    with tarfile.open(distributions["sdist"]) as sdist:
        names = {str(PurePosixPath(*PurePosixPath(name).parts[1:])) for name in sdist.getnames()}
    expected = {
        f"{root}/{name}" for package, root in PACKAGES.items() for name in package_files(package, root)
    }
    assert expected | {"LICENSE", "README.md", "pyproject.toml"} <= names
    assert {name for name in names if name.startswith((".venv", ".cache", ".demo", "dist/"))} == set()


def test_installed_copy_can_be_imported(installed: Path) -> None:
    code = "import penstock, pathlib; from penstock import flow, task; print(pathlib.Path(penstock.__file__).parent)"
    assert Path(run_installed(installed, code)) == installed / "penstock"


def test_entry_points_resolve(installed: Path) -> None:
    """Each one names an object that can be loaded from the installed copy."""
    parser = configparser.ConfigParser(delimiters="=")
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    (listing,) = installed.glob("*.dist-info/entry_points.txt")
    parser.read(listing)
    values = [value for section in parser.sections() for value in parser[section].values()]
    assert len(values) >= 5
    code = "import importlib.metadata as m\n" + "".join(
        f"m.EntryPoint('x', {value!r}, 'y').load()\n" for value in values
    )
    assert run_installed(installed, code + "print('ok')") == "ok"
