"""Limits on how much happens at once, and how often. Reference pages: concepts/global-concurrency-limits.

`penstock.concurrency.sync` and `penstock.concurrency.asyncio` hold `concurrency` and `rate_limit`; limits are made
with ``penstock gcl create``, the client or the REST API.
"""

__all__: list[str] = []
