"""The root of ordinary errors."""

from __future__ import annotations


class PenstockException(Exception):
    """Root of every ordinary error Penstock raises."""
