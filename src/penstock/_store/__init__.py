"""The store process: the one process of a workspace that opens `store.duckdb`.

`process` is its life, `core` the single writer thread, `sweeper` looks after the dead, `app` and `routes/` answer
requests, `schema/` holds the tables and the public views. Contracts: `docs/design.md`.
"""
