"""The flights notebook in JupyterLab, as a person drives it."""

from __future__ import annotations

import shutil
from pathlib import Path

from lab import LabPage
from playwright.sync_api import Locator

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "01_flights.ipynb"


class Flights:
    """A copy of the notebook on a page."""

    def __init__(self, lab: LabPage) -> None:
        self.lab = lab
        shutil.copy(NOTEBOOK, lab.server.notebooks / NOTEBOOK.name)
        lab.open(NOTEBOOK.name)
        sources: list[str] = lab.js(
            "() => window.jupyterapp.shell.currentWidget.content.widgets.map(w => w.model.sharedModel.source)"
        )
        self.sources = sources
        #: Index of the cell with the flow.
        self.flow = self.find("%%flow delay_report")

    def find(self, start: str) -> int:
        """Return the index of the cell that starts with a text."""
        return next(n for n, source in enumerate(self.sources) if source.startswith(start))

    def cell(self, index: int) -> Locator:
        """Return a cell of any kind."""
        return self.lab.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def run_to_the_form(self) -> Locator:
        """Run all cells and return the panel once its form is there."""
        self.lab.run_all()
        panel = self.cell(self.flow).locator(".pst-panel")
        panel.wait_for(timeout=90_000)
        self.field(panel, "threshold").wait_for(timeout=90_000)
        return panel

    def field(self, panel: Locator, path: str) -> Locator:
        """Return a field of the form."""
        return panel.locator(f"[data-path='{path}']")

    def wait_for_the_end(self) -> None:
        """Wait until the last cell has run."""
        self.lab.wait_done(len(self.sources) - 1, seconds=90)
