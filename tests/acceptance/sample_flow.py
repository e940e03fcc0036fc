"""A small flow with everything that a runner has to get right; the same code on every runner."""

from __future__ import annotations

import sys

import cloudpickle

from penstock import allow_failure, flow, get_run_logger, task, unmapped
from penstock.artifacts import create_markdown_artifact, create_table_artifact
from penstock.runtime import flow_run, task_run

# Workers cannot import a test module, so what is defined here travels by value, as from a notebook.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

BIG_ROWS = 1000


@task
def double(x):
    return 2 * x


@task(retries=2, task_run_name="flaky-{label}")
def flaky(label):
    if task_run.run_count < 3:
        raise ConnectionError(f"attempt {task_run.run_count}")
    return label


@task
def boom():
    raise ValueError("boom")


@task
def never(x):
    return x


@task
def describe(x):
    return f"{type(x).__name__}: {x}"


@task
def add_all(nested):
    return sum(nested["left"]) + nested["right"][0]["deep"]


@task
def row_sum(row, big):
    return float(big[row].sum())


@task(log_prints=True, tags=["talks"])
def speak(word):
    print("printed", word)
    get_run_logger().warning("logged %s", word)
    create_markdown_artifact(f"**{word}**", key=f"said-{word}")
    return word


@task
def after():
    return "after"


@task
def make_big(n):
    import numpy as np

    return np.ones(n)


@task
def size(data):
    return int(data.nbytes)


@flow
def everything():
    import numpy as np

    doubled = double.map([1, 2, 3])
    nested = add_all.submit({"left": [doubled[0], doubled[1]], "right": ({"deep": doubled[2]},)})
    steady = flaky.submit("steady")
    failed = boom.submit()
    blocked = never.submit(failed)
    told = describe.submit(allow_failure(failed))
    big = np.arange(BIG_ROWS * BIG_ROWS, dtype="float64").reshape(BIG_ROWS, BIG_ROWS)
    sums = row_sum.map([0, 1, 2, 3], big=unmapped(big))
    said = speak.map(["one", "two"])
    last = after.submit(wait_for=[steady, *said])
    bytes_made = size.submit(make_big.submit(2_000_000))
    values = {
        "doubled": doubled.result(),
        "nested": nested.result(),
        "steady": steady.result(),
        "failed": repr(failed.result(raise_on_failure=False)),
        "told": told.result(),
        "sums": sums.result(),
        "said": said.result(),
        "last": last.result(),
        "bytes": bytes_made.result(),
    }
    blocked.wait()
    values["blocked"] = blocked.state.name
    create_table_artifact(
        [{"name": name, "value": str(value)} for name, value in values.items()], key="values"
    )
    return str(flow_run.id), values
