"""The version of the distribution, looked up once."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=1)
def version() -> str:
    """Return the installed version, or ``0+source`` when the code runs from a checkout."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("penstock")
    except PackageNotFoundError:
        return "0+source"
