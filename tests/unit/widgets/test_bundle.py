"""The committed bundle is what the TypeScript sources say. Skipped where Node's packages are not installed."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from penstock_widgets.patches import apply_patch, empty_snapshot

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


PATCHES = [
    {"run": {"name": "a"}, "tasks": {"t": {"counts": {"RUNNING": 1}, "upstream": ["x", "y"]}}},
    {"tasks": {"t": {"counts": {"COMPLETED": 2}, "upstream": ["z"]}, "errors": {"counts": {"A": 1}}}},
    {"tasks": {"errors": {"counts": {"B": 2}}}, "run": {"ended": None}},
    {"pauses": {"p": {"errors": {"n": "no"}, "values": {"n": 1}, "schema": {"a": {"b": 1}}}}},
    {"pauses": {"p": {"errors": {}, "schema": {"a": {"c": 1}}}}},
    {"tasks": {"__proto__": {"total": 1, "counts": {}}}},
    {"logs": {"append": [{"text": str(n)} for n in range(150)]}},
    {"logs": {"append": [{"text": str(n)} for n in range(150, 260)], "dropped": 60}},
]


@needs_node
def test_a_page_merges_patches_as_python_does(tmp_path):
    esbuild = SOURCES / "node_modules" / ".bin" / "esbuild"
    entry = [str(SOURCES / "src" / "merge.ts"), "--bundle", "--format=esm", f"--outfile={tmp_path}/merge.mjs"]
    subprocess.run([str(esbuild), *entry], check=True, capture_output=True)
    script = f"""
        import {{ complete, mergePatch }} from {json.dumps((tmp_path / "merge.mjs").as_uri())};
        const patches = JSON.parse({json.dumps(json.dumps(PATCHES))});
        console.log(JSON.stringify(patches.reduce(mergePatch, complete(null))));
    """
    node = ["node", "--input-type=module", "-e", script]
    done = subprocess.run(node, check=True, capture_output=True, text=True)
    expected = empty_snapshot()
    for patch in PATCHES:
        # `dropped` is counted by Python and sent with the lines.
        logs = {key: value for key, value in patch.get("logs", {}).items() if key != "dropped"}
        apply_patch(expected, {**patch, "logs": logs})
    assert json.loads(done.stdout) == expected


def test_the_bundle_is_small_and_loads_nothing_from_elsewhere():
    script, style = (STATIC / "panel.js").read_text(), (STATIC / "panel.css").read_text()
    assert len(script) + len(style) < 60_000
    for text in (script, style):
        assert "innerHTML" not in text
        assert "import(" not in text
        assert "url(" not in text
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
