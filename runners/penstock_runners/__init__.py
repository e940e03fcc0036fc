"""Task runners on clusters. Each module needs its library: ``pip install 'penstock[dask]'``, ``'penstock[ray]'``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock_runners.dask import DaskTaskRunner as DaskTaskRunner
    from penstock_runners.ray import RayTaskRunner as RayTaskRunner
    from penstock_runners.ray import remote_options as remote_options


def __getattr__(name: str) -> Any:
    if name == "DaskTaskRunner":
        from penstock_runners.dask import DaskTaskRunner

        return DaskTaskRunner
    if name == "RayTaskRunner":
        from penstock_runners.ray import RayTaskRunner

        return RayTaskRunner
    if name == "remote_options":
        from penstock_runners.ray import remote_options

        return remote_options
    raise AttributeError(f"module 'penstock_runners' has no attribute {name!r}")


__all__ = ["DaskTaskRunner", "RayTaskRunner", "remote_options"]
