"""Flows whose runs happen elsewhere: handed over as bundles, by way of a work pool."""
