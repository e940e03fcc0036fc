"""Lock managers. Reference pages: api-ref/python/prefect-locking-protocol, -memory, -filesystem."""

__all__: list[str] = []
