"""Where a result lies, as JSON that goes into its run's state; and back to the value, in whose process asks for it.

Reading a pickle runs what it says. So a reference is followed only to storages that this process was told of: those of
its settings, and those its own code gave to a flow, a task or a `ResultStore`; what the API says is not enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from penstock._results.storages import default_storage, place_of, remembered
from penstock._results.store import ResultStore
from penstock._values.outcome import Referred
from penstock.exceptions import ConfigurationError, MissingResult
from penstock.settings import get_current_settings


def read_reference(reference: dict[str, Any]) -> Any:
    """Return the value a reference stands for.

    Raises:
        MissingResult: it is gone, or it lies in a storage this process was not told of.
    """
    run = reference.get("run") or "a run"
    key, url, keys_url = (reference.get(name) for name in ("storage_key", "storage", "metadata_storage"))
    storage, metadata = _find(url, run, key), None if keys_url is None else _find(keys_url, run, key)
    return ResultStore(storage, metadata_storage=metadata).stored(str(key), run).get()


def _find(url: Any, run: str, key: Any) -> Any:
    for storage in _known():
        try:
            if place_of(storage).url == url:
                return storage
        except ConfigurationError:
            continue
    raise MissingResult(
        f"The result of {run} lies under key {key!r} in {url}, and results are only read from storages this process "
        f"was told of. If you trust that place, make ResultStore({url!r}) before, or set "
        "PENSTOCK_RESULTS_LOCAL_STORAGE_PATH or PENSTOCK_DEFAULT_RESULT_STORAGE_BLOCK to it."
    )


def _known() -> Iterator[Any]:
    settings = get_current_settings()
    yield settings.results_local_storage_path
    yield settings.home / "storage"
    yield default_storage()
    yield from remembered()


Referred.read = read_reference
