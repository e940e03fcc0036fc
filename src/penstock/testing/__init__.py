"""Helpers for testing flows. Reference page: how-to-guides/workflows/test-workflows."""

__all__: list[str] = []
