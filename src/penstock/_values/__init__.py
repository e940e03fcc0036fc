"""Frozen values of the domain: states, runs, decisions. No I/O here."""
