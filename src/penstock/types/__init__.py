"""Types of documented signatures. Reference page: api-ref prefect-types."""

from penstock.types import entrypoint as entrypoint
from penstock.types import names as names

__all__ = ["entrypoint", "names"]
