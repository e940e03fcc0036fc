"""The documented module `prefect_dask`, under our name; everything is in `penstock_runners`."""

from penstock_runners.dask import DaskTaskRunner as DaskTaskRunner
from penstock_runners.dask_client import get_async_dask_client as get_async_dask_client
from penstock_runners.dask_client import get_dask_client as get_dask_client

__all__ = ["DaskTaskRunner", "get_async_dask_client", "get_dask_client"]
