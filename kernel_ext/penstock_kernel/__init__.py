"""Penstock in Jupyter: ``%load_ext penstock`` brings the magics, the panels and the session's run."""

from __future__ import annotations

from typing import Any


def load_ipython_extension(shell: Any) -> None:
    """Load the extension into an IPython shell."""
    from penstock_kernel.extension import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take the extension out again: nothing of it is left running."""
    from penstock_kernel.extension import unload

    unload(shell)


__all__ = ["load_ipython_extension", "unload_ipython_extension"]
