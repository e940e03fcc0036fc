"""A real kernel: what loading the extension takes, what a task cell takes, and how much memory is resident with pandas.

    python notebook.py FRAMEWORK with|without REPORT

The floor is the same kernel without the extension, running the same code as plain cells. "without" hides pyarrow, which
pandas imports where it is installed and which takes more than pandas itself.
"""

import json
import statistics
import sys
import time
from pathlib import Path

import psutil
from jupyter_client.manager import KernelManager

framework, arrow, report = sys.argv[1:]
CELLS = 40
LOAD = """
import time
began = time.perf_counter()
get_ipython().run_line_magic("load_ext", "penstock")
print(time.perf_counter() - began)
"""
FRAME = "import pandas as pd\ndf = pd.DataFrame({'a': range(10)})"
HEAD = "" if framework == "bare" else "%%task cell\n"


def run(code: str) -> tuple[float, str]:
    """Run a cell; return the seconds until its reply, and what it printed."""
    printed = []

    def hook(message):
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    began = time.perf_counter()
    reply = client.execute_interactive(code, output_hook=hook, timeout=60)
    seconds = time.perf_counter() - began
    if reply["content"]["status"] != "ok":
        raise RuntimeError("\n".join(reply["content"]["traceback"]))
    return seconds, "".join(printed)


manager = KernelManager(kernel_name="python3")
manager.start_kernel(extra_arguments=["--IPKernelApp.log_level=40"])
client = manager.blocking_client()
client.start_channels()
try:
    client.wait_for_ready(timeout=60)
    figures = {}
    if framework != "bare":
        figures["load"] = float(run(LOAD)[1].split()[-1])
        # Both kinds of cell once, with a panel: what a session has loaded that is under way.
        run(f"{HEAD}warm = 1")
        run("warm")
        run("%%flow shown\nx = 1")
    run("0")
    figures["cell"] = statistics.median(run(f"{HEAD}b = {number}")[0] for number in range(CELLS))
    if arrow == "without":
        run("import sys; sys.modules['pyarrow'] = None")
    run(HEAD + FRAME)
    run("df.shape")
    figures["resident"] = psutil.Process(manager.provisioner.pid).memory_info().rss / 1e6
    Path(report).write_text(json.dumps(figures))
finally:
    client.stop_channels()
    manager.shutdown_kernel()
