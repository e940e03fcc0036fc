"""Measure Penstock against the floors below it and against its peer, side by side in one run."""
