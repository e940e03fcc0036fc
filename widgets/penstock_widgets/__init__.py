"""What notebooks show: one live panel a run, and the same content as static HTML and plain text.

Nothing here knows the engine. A panel is fed plain dictionaries (`patches.empty_snapshot` shows the shape).
"""
