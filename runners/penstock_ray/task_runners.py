"""The documented module `prefect_ray.task_runners`, under our name."""

from penstock_runners.ray import RayTaskRunner as RayTaskRunner

__all__ = ["RayTaskRunner"]
