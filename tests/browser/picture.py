"""Makes docs/images/notebook.png anew, from the flights notebook in a real JupyterLab: the flow cell and its form.

    python tests/browser/picture.py [PATH]

Needs what the browser tests need: the extra `dev` and Chromium.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration" / "kernel")]

from flights import Flights
from lab import LabPage, LabServer
from workspace import Workspace

TARGET = HERE.parents[1] / "docs" / "images" / "notebook.png"
WIDTH, HEIGHT = 1200, 1080


def main(target: Path) -> None:
    """Drive the notebook to its form and take the picture."""
    workspace = Workspace()
    try:
        with LabServer(workspace.folder) as server, LabPage(server, width=WIDTH, height=HEIGHT) as lab:
            _take(lab, target)
    finally:
        workspace.close()
    print(f"{target}: {target.stat().st_size // 1024} kB")


def _take(lab: LabPage, target: Path) -> None:
    flights = Flights(lab)
    lab.theme("light")
    lab.command("application:toggle-left-area")
    panel = flights.run_to_the_form()
    flights.field(panel, "threshold").fill("45")
    panel.get_by_label("B6", exact=True).check()
    flights.field(panel, "note").fill("For the Monday meeting")
    # The code of the flow is long: a picture of it would show nothing else.
    lab.js(
        "(i) => { window.jupyterapp.shell.currentWidget.content.widgets[i].inputHidden = true; }",
        flights.flow,
    )
    lab.js(
        "(i) => { const c = window.jupyterapp.shell.currentWidget.content;"
        " c.activeCellIndex = i; c.widgets[i + 1].node.scrollIntoView({block: 'end'});"
        " c.widgets[i].node.scrollIntoView({block: 'start'}); }",
        flights.find("from typing import Literal"),
    )
    panel.get_by_role("table", name="Tasks").wait_for()
    target.parent.mkdir(parents=True, exist_ok=True)
    lab.page.screenshot(path=target)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else TARGET)
