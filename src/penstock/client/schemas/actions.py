"""What is sent to the API. Reference page: api-ref/python/prefect-client-schemas-actions."""

from penstock._values.state_create import StateCreate as StateCreate

__all__ = ["StateCreate"]
