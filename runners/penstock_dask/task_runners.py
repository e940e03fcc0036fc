"""The documented module `prefect_dask.task_runners`, under our name."""

from penstock_runners.dask import DaskTaskRunner as DaskTaskRunner

__all__ = ["DaskTaskRunner"]
