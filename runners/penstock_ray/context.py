"""The documented module `prefect_ray.context`, under our name."""

from penstock_runners.ray import remote_options as remote_options

__all__ = ["remote_options"]
