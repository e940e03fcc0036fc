"""Semi-public helpers, under the module paths of the reference."""

from penstock.utilities import annotations as annotations

__all__ = ["annotations"]
