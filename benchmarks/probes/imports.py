"""Time `from FRAMEWORK import flow, task` in this interpreter and count what it loaded."""

import json
import sys
import time
from pathlib import Path

framework, report = sys.argv[1:]
before = len(sys.modules)
started = time.perf_counter()
if framework == "bare":
    import concurrent.futures.thread  # noqa: F401
else:
    exec(f"from {framework} import flow, task")
seconds = time.perf_counter() - started
Path(report).write_text(json.dumps({"seconds": seconds, "modules": len(sys.modules) - before}))
