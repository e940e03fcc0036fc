"""The server: the store process of a workspace, which also serves the documented REST API.

`penstock server start` runs it in the foreground; clients start it by themselves when they need it.
"""
