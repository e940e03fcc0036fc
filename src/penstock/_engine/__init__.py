"""Runs flows and tasks: one lifecycle written once as a generator of effects, two thin drivers.

    flows, tasks (doors) → flow_run.py / task_run.py (what one execution knows)
                         → flow_lifecycle.py / task_lifecycle.py (what happens, in order; no I/O)
                         → drivers.py (blocking, awaiting)
"""
