"""What `import penstock` costs: a fresh interpreter, its modules counted."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "IPython",
    "anywidget",
    "cryptography",
    "dask",
    "distributed",
    "duckdb",
    "fastapi",
    "httpx",
    "ipykernel",
    "ipywidgets",
    "jinja2",
    "jsonschema",
    "matplotlib",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "ray",
    "rich",
    "starlette",
    "typer",
    "uvicorn",
}


def modules_after(statement: str) -> set[str]:
    """Return the names in sys.modules after a statement in a fresh interpreter."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("statement", ["import penstock", "from penstock import flow, task"])
def test_import_is_light(statement: str) -> None:
    loaded = modules_after(statement)
    assert "penstock" in loaded
    assert sorted(HEAVY & loaded) == []
    assert len(loaded) < 300


def test_import_starts_nothing() -> None:
    """No thread, no open store: importing reads no configuration."""
    code = "import penstock, threading; print(threading.active_count())"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "1"


def test_heavy_modules_would_be_seen() -> None:
    """The count above can fail: an interpreter that loads one of them shows it."""
    assert "pydantic" in modules_after("import pydantic") & HEAVY
