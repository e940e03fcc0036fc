"""Helpers for testing flows. Reference page: how-to-guides/workflows/test-workflows."""
