"""Slots of tags for a task run, taken by hand. Reference pages: api-ref prefect-concurrency-v1-sync, -asyncio."""

__all__: list[str] = []
