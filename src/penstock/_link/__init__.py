"""How a process finds the store of its workspace, starts it when needed, and talks to it.

Runs in every user process, so it imports neither pydantic, httpx, duckdb nor asyncio.
"""
