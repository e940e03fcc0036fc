"""Whose code a module is: the user's own, a library's, Python's or ours."""

from __future__ import annotations

import sys
from enum import Enum
from functools import lru_cache
from pathlib import Path


class Origin(Enum):
    """Where a module comes from."""

    USER = "user"
    LIBRARY = "library"
    PYTHON = "python"
    OURS = "ours"


def origin_of(module: str) -> Origin:
    """Return whose module that is; what is installed in place (`pip install -e`) is the user's own."""
    top = module.partition(".")[0]
    if top in ("__main__", "__mp_main__"):
        return Origin.USER
    if top in sys.stdlib_module_names:
        return Origin.PYTHON
    if top == "penstock" or top.startswith("penstock_"):
        return Origin.OURS
    file = getattr(sys.modules.get(module), "__file__", None) or getattr(
        sys.modules.get(top), "__file__", None
    )
    return _origin_of_file(file) if file else Origin.USER


@lru_cache(maxsize=1024)
def _origin_of_file(file: str) -> Origin:
    parts = Path(file).parts
    return Origin.LIBRARY if "site-packages" in parts or "dist-packages" in parts else Origin.USER


@lru_cache(maxsize=256)
def version_of(library: str) -> str:
    """Return the version of an installed library by the name it is imported by; "" when it says none."""
    from importlib import metadata

    found = getattr(sys.modules.get(library), "__version__", None)
    if isinstance(found, str):
        return found
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        owners = metadata.packages_distributions().get(library, [])
        return metadata.version(owners[0]) if owners else ""
