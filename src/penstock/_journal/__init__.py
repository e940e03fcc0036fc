"""The truth: one append-only, checksummed file per process, written before anything else happens.

`line` is the format, `writer` appends, `reader` reads files of living and dead processes. The store process
ingests them (`penstock._store`), the sender ships them (`penstock._link`). Reasons: `docs/design.md`.
"""
