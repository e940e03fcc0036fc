"""The committed bundle is what the TypeScript sources say. Skipped where Node's packages are not installed."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

WIDGETS = Path(__file__).parents[3] / "widgets"
STATIC = WIDGETS / "penstock_widgets" / "static"
SOURCES = WIDGETS / "js"
needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (SOURCES / "node_modules" / ".bin" / "esbuild").exists(),
    reason="Node's packages are not installed: run `npm install` in widgets/js",
)


@needs_node
def test_the_committed_bundle_is_up_to_date(tmp_path):
    words = shlex.split(json.loads((SOURCES / "package.json").read_text())["scripts"]["build"])
    words = [f"--outdir={tmp_path}" if word.startswith("--outdir=") else word for word in words]
    words[0] = str(SOURCES / "node_modules" / ".bin" / words[0])
    subprocess.run(words, cwd=SOURCES, check=True, capture_output=True)
    for name in ("panel.js", "panel.css"):
        assert (tmp_path / name).read_text() == (STATIC / name).read_text(), (
            f"run `npm run build`: {name} is old"
        )


@needs_node
def test_the_sources_type_check():
    tsc = SOURCES / "node_modules" / ".bin" / "tsc"
    done = subprocess.run([str(tsc), "--noEmit"], cwd=SOURCES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_bundle_is_small_and_loads_nothing_from_elsewhere():
    script, style = (STATIC / "panel.js").read_text(), (STATIC / "panel.css").read_text()
    assert len(script) + len(style) < 60_000
    for text in (script, style):
        assert "innerHTML" not in text
        assert "import(" not in text
        assert "url(" not in text
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
