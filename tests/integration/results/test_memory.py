"""Big values are written and read without a second copy of them."""

from __future__ import annotations

import json

import pytest

#: The frame takes 100 MB; what the interpreter and pandas take by themselves is not counted.
PROBE = """
import gc, json, sys
import numpy as np, pandas as pd
from penstock.results import ResultStore

def status(field):
    line = next(line for line in open("/proc/self/status") if line.startswith(field))
    return int(line.split()[1]) * 1024

store = ResultStore(sys.argv[1], cache_result_in_memory=False)
store.write(pd.DataFrame({"x": [1.0]}), "warm"), store.read("warm")
before = status("VmRSS")
if sys.argv[2] == "write":
    frame = pd.DataFrame(np.random.default_rng(1).random((1_250_000, 10)), columns=list("abcdefghij"), copy=False)
    gc.collect()
open("/proc/self/clear_refs", "w").write("5")  # forget the peak of making the frame
if sys.argv[2] == "write":
    store.write(frame, "frame")
else:
    frame = store.read("frame").result
growth = status("VmHWM") - before
print(json.dumps({"frame": int(frame.memory_usage().sum()), "growth": growth, "sum": float(frame["c"].sum())}))
"""


@pytest.mark.slow
def test_a_frame_is_written_and_read_with_little_more_memory_than_it_has(script, tmp_path) -> None:
    reports = [
        json.loads(script(PROBE, str(tmp_path / "storage"), mode).stdout.splitlines()[-1])
        for mode in ("write", "read")
    ]

    assert [report["growth"] / report["frame"] < 1.2 for report in reports] == [True, True], reports
    assert reports[0]["sum"] == reports[1]["sum"]
    assert reports[0]["frame"] >= 100_000_000
