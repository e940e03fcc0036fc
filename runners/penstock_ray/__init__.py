"""The documented module `prefect_ray`, under our name; everything is in `penstock_runners`."""

from penstock_runners.ray import RayTaskRunner as RayTaskRunner
from penstock_runners.ray import remote_options as remote_options

__all__ = ["RayTaskRunner", "remote_options"]
