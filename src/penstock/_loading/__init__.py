"""Flows in files and modules: found by entrypoint, read from source text, loaded.

`entrypoints` says what an entrypoint names, `scripts` runs files, `namespaces` runs what can be run of a file,
`source` reads definitions without running them, `flows` gives flows. Public doors: `penstock.flows`,
`penstock.utilities.importtools`, `penstock.utilities.callables`.
"""
