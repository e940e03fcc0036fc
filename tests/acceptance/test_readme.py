"""What the README shows works as it stands there."""

from __future__ import annotations

import re
import sys
from subprocess import run

import pytest

from .support import ROOT, command, rows, workspace

README = (ROOT / "README.md").read_text()


@pytest.fixture
def own():
    with workspace() as home:
        yield home


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_example_runs_and_its_commands_find_it(own, tmp_path):
    (example,) = blocks("python")
    path = tmp_path / "example.py"
    path.write_text(example)
    done = run([sys.executable, path], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "10\n"), done.stderr
    assert rows("SELECT flow_name, state_name FROM runs") == [
        {"flow_name": "word-report", "state_name": "Completed"}
    ]
    asked = re.findall(r'^penstock (\S+(?: \w+)?)(?: "(.+)")?$', "".join(blocks("bash")), re.MULTILINE)
    assert [words for words, _ in asked] == ["flow-run ls", "sql"]
    for words, query in asked:
        code, said, errors = command(*words.split(), *filter(None, [query]), home=own)
        assert (code, "Completed" in said) == (0, True), errors


def test_it_is_short_and_its_links_lead_somewhere():
    assert len(README.splitlines()) < 120
    local = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert local
    # The figures are written by whoever ran the benchmarks last; a checkout may be older than them.
    assert {link for link in local if not (ROOT / link).exists()} <= {"docs/performance.md"}
