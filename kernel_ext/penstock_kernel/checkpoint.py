"""What a notebook held when one of its cells failed without anybody watching, so that it can go on from there."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from typing import Any

from penstock._results.store import ResultStore
from penstock.exceptions import ConfigurationError, MissingResult
from penstock_kernel._cells import rehome, user_names
from penstock_kernel.pending import PendingValue

#: Set for kernels that `penstock run` starts.
VARIABLE = "PENSTOCK_HEADLESS"


def is_wanted() -> bool:
    """Whether this kernel was started by `penstock run`."""
    return bool(os.environ.get(VARIABLE))


def keep(namespace: Mapping[str, Any], hidden: Mapping[str, Any], run_id: str) -> None:
    """Keep what the notebook has bound.

    Args:
        namespace: the notebook's.
        hidden: what IPython put there.
        run_id: of the session.
    """
    import cloudpickle

    names = [name for name in sorted(user_names(namespace, hidden)) if not name.startswith("_")]
    values = {name: namespace[name] for name in names if type(namespace[name]) is not PendingValue}
    lost = {name: "it was still being computed" for name in names if name not in values}
    for name, value in list(values.items()):
        try:
            cloudpickle.dumps(value)
        except Exception as error:
            lost[name] = f"{type(error).__name__}: {error}"
            del values[name]
    # All in one, so that names that share an object go on sharing it.
    ResultStore().write({"values": cloudpickle.dumps(values), "lost": lost}, _key(run_id))


def restore(run_id: str) -> None:
    """Bind in this notebook what the notebook of a failed session had bound.

    Args:
        run_id: of that session's run.

    Raises:
        ConfigurationError: nothing was kept of it.
    """
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    try:
        record = ResultStore().read(_key(run_id)).result
    except MissingResult as error:
        raise ConfigurationError(
            f"Nothing is kept of notebook run {run_id}: its cells did not fail"
        ) from error
    values = pickle.loads(record["values"])
    shell.user_ns.update(values)  # first: functions find there what they read
    shell.user_ns.update({name: rehome(value, shell.user_ns) for name, value in values.items()})
    for name, why in record["lost"].items():
        print(f"{name} could not be kept: {why}")  # noqa: T201  # seen in the executed notebook


def _key(run_id: str) -> str:
    return f"notebook-{run_id}"
