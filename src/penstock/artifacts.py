"""Artifacts: things worth showing that a run made. Reference pages: concepts/artifacts, api-ref prefect-artifacts.

Each function journals one artifact of the run that is active here, or of none.
"""

from __future__ import annotations

import logging
import math
import re
from typing import Any
from uuid import UUID

from penstock._engine.contexts import FlowRunContext, TaskRunContext
from penstock._engine.observers import tell
from penstock._ids import new_id
from penstock._journal.line import printable
from penstock._link.session import current_session

#: What pandas writes for a missing value beside NaN.
_MISSING = ("NaTType", "NAType")
_KEY = re.compile(r"[a-z0-9-]+\Z")
#: What was made here, by id, so that a progress artifact can be changed in place.
_made: dict[UUID, dict[str, Any]] = {}


def create_link_artifact(
    link: str,
    link_text: str | None = None,
    key: str | None = None,
    description: str | None = None,
    client: Any = None,
) -> UUID:
    """Create an artifact that is a link.

    Args:
        link: the address.
        link_text: what is shown; the address itself by default.
        key: name of its history: lower-case letters, digits and dashes.
        description: Markdown shown with it.
        client: accepted for compatibility.

    Returns:
        the artifact's id.
    """
    return _create(
        "markdown", f"[{link_text}]({link})" if link_text else f"[{link}]({link})", key, description
    )


def create_markdown_artifact(markdown: str, key: str | None = None, description: str | None = None) -> UUID:
    """Create an artifact that is Markdown text, kept as it is; see `create_link_artifact` for the rest."""
    return _create("markdown", markdown, key, description)


def create_table_artifact(
    table: dict[str, list[Any]] | list[dict[str, Any]] | list[list[Any]],
    key: str | None = None,
    description: str | None = None,
) -> UUID:
    """Create an artifact that is a table.

    Args:
        table: a list of rows (dicts or lists), or a dict of columns. NaN is shown as empty. A pandas DataFrame
            is taken as its rows.
        key: name of its history.
        description: Markdown shown with it.
    """
    import orjson

    rows: Any = table
    if hasattr(rows, "to_dict") and hasattr(rows, "columns"):
        rows = rows.to_dict(orient="records")
    option = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    shown = _without_nan(rows)
    try:
        data = orjson.dumps(shown, default=str, option=option)
    except TypeError:
        data = orjson.dumps(printable(shown), default=str, option=option)
    return _create("table", data.decode(), key, description)


def create_progress_artifact(progress: float, key: str | None = None, description: str | None = None) -> UUID:
    """Create an artifact that is a progress bar; change it with `update_progress_artifact`.

    Args:
        progress: percent, from 0 to 100.
        key: name of its history.
        description: Markdown shown with it.
    """
    return _create("progress", _percent(progress), key, description)


def update_progress_artifact(
    artifact_id: UUID, progress: float, description: str | None = None, client: Any = None
) -> UUID:
    """Move a progress bar, in place.

    Args:
        artifact_id: what `create_progress_artifact` returned.
        progress: percent, from 0 to 100.
        description: replaces the old one when given.
        client: accepted for compatibility.
    """
    before = _made.get(artifact_id) or {"key": None, "description": None, **_owner()}
    return _write(
        artifact_id,
        "progress",
        _percent(progress),
        before["key"],
        description if description is not None else before["description"],
        {"flow_run_id": before["flow_run_id"], "task_run_id": before["task_run_id"]},
    )


def create_image_artifact(image_url: str, key: str | None = None, description: str | None = None) -> UUID:
    """Create an artifact that shows an image.

    Args:
        image_url: its address; a ``data:image/png;base64,…`` address keeps the image itself in the store.
        key: name of its history.
        description: Markdown shown with it.
    """
    return _create("image", image_url, key, description)


async def acreate_link_artifact(
    link: str,
    link_text: str | None = None,
    key: str | None = None,
    description: str | None = None,
    client: Any = None,
) -> UUID:
    """Async twin of `create_link_artifact`."""
    return create_link_artifact(link, link_text, key, description)


async def acreate_markdown_artifact(
    markdown: str, key: str | None = None, description: str | None = None
) -> UUID:
    """Async twin of `create_markdown_artifact`."""
    return create_markdown_artifact(markdown, key, description)


async def acreate_table_artifact(table: Any, key: str | None = None, description: str | None = None) -> UUID:
    """Async twin of `create_table_artifact`."""
    return create_table_artifact(table, key, description)


async def acreate_progress_artifact(
    progress: float, key: str | None = None, description: str | None = None
) -> UUID:
    """Async twin of `create_progress_artifact`."""
    return create_progress_artifact(progress, key, description)


async def aupdate_progress_artifact(
    artifact_id: UUID, progress: float, description: str | None = None, client: Any = None
) -> UUID:
    """Async twin of `update_progress_artifact`."""
    return update_progress_artifact(artifact_id, progress, description)


async def acreate_image_artifact(
    image_url: str, key: str | None = None, description: str | None = None
) -> UUID:
    """Async twin of `create_image_artifact`."""
    return create_image_artifact(image_url, key, description)


def _create(kind: str, data: Any, key: str | None, description: str | None) -> UUID:
    if key is not None and not _KEY.match(key):
        raise ValueError(f"Artifact key {key!r} must hold only lower-case letters, digits and dashes.")
    return _write(new_id(), kind, data, key, description, _owner())


def _owner() -> dict[str, UUID | None]:
    task = TaskRunContext.get()
    flow = FlowRunContext.get()
    flow_run_id = flow.flow_run.id if flow else (task.task_run.flow_run_id if task else None)
    return {"flow_run_id": flow_run_id, "task_run_id": task.task_run.id if task else None}


def _write(
    artifact_id: UUID,
    kind: str,
    data: Any,
    key: str | None,
    description: str | None,
    owner: dict[str, UUID | None],
) -> UUID:
    body = {"id": artifact_id, "key": key, "type": kind, "description": description, "data": data, **owner}
    if kind == "progress":
        _made[artifact_id] = body
    current_session().emit("artifact", body)
    tell("artifact", body)
    return artifact_id


def _percent(progress: float) -> float:
    if not 0 <= progress <= 100:
        logging.getLogger("penstock.artifacts").warning(
            "Progress %r is not between 0 and 100; it is clamped.", progress
        )
    return float(max(0.0, min(100.0, progress)))


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nan(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    missing = isinstance(value, float) and math.isnan(value)
    return None if missing or type(value).__name__ in _MISSING else value


__all__ = [
    "acreate_image_artifact",
    "acreate_link_artifact",
    "acreate_markdown_artifact",
    "acreate_progress_artifact",
    "acreate_table_artifact",
    "aupdate_progress_artifact",
    "create_image_artifact",
    "create_link_artifact",
    "create_markdown_artifact",
    "create_progress_artifact",
    "create_table_artifact",
    "update_progress_artifact",
]
