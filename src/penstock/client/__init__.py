"""What talks to the API. Reference page: advanced/api-client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penstock.client.orchestration import get_client as get_client


def __getattr__(name: str) -> Any:
    if name == "get_client":  # on first use: it needs httpx
        from penstock.client.orchestration import get_client

        return get_client
    raise AttributeError(f"module 'penstock.client' has no attribute {name!r}")


__all__ = ["get_client"]  # found by __getattr__
