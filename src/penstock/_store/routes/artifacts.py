"""Artifacts and their collections by key. Reference pages: rest-api/server/artifacts."""

from __future__ import annotations

from typing import Any

from penstock._ids import new_id
from penstock._store import changes
from penstock._store.bodies import ArtifactCreate, ArtifactUpdate
from penstock._store.core import Core
from penstock._store.routes.kinds import ARTIFACTS_LISTED, COLLECTIONS_LISTED, show_artifacts
from penstock._store.routes.web import Answer, Ask, Route


def create(ask: Ask) -> Answer:
    """Make an artifact; it is the newest of its key from now on."""
    sent, artifact_id = ask.read(ArtifactCreate).model_dump(mode="json"), str(new_id())
    metadata = sent.pop("metadata_")

    def make(core: Core) -> None:
        core.emit("artifact", {"id": artifact_id, **sent})
        if metadata is not None:
            changes.change(core, "artifact", artifact_id, {"metadata_": metadata})

    ask.call(make)
    return 201, _read(ask, artifact_id)


def read(ask: Ask) -> Answer:
    """Read an artifact."""
    return 200, _read(ask, ask.id())


def latest(ask: Ask) -> Answer:
    """Read the newest artifact of a key."""
    key = ask.path["key"]
    row = ask.one("FROM latest_artifacts WHERE key = ?", [key], f"artifact with key {key!r}")
    return 200, show_artifacts(ask, [row])[0]


def update(ask: Ask) -> Answer:
    """Change data, description or metadata of an artifact."""
    before, fields = _read(ask, ask.id()), ask.read(ArtifactUpdate).sent()
    kept = {name: before[name] for name in ("id", "key", "type", "flow_run_id", "task_run_id")}
    about = {name: fields.get(name, before[name]) for name in ("data", "description")}

    def apply(core: Core) -> None:
        core.emit("artifact", {**kept, **about})
        if "metadata_" in fields:
            changes.change(core, "artifact", kept["id"], {"metadata_": fields["metadata_"]})

    ask.call(apply)
    return 204, None


def delete(ask: Ask) -> Answer:
    """Delete an artifact; the one before it is the newest of its key again."""
    artifact_id = _read(ask, ask.id())["id"]
    ask.call(lambda core: changes.delete(core, "artifact", artifact_id))
    return 204, None


def _read(ask: Ask, artifact_id: str) -> dict[str, Any]:
    row = ask.one("FROM artifacts WHERE id = ?", [artifact_id], f"artifact with id {artifact_id}")
    return show_artifacts(ask, [row])[0]


ROUTES = [
    Route("POST", "/artifacts/", create, ArtifactCreate, "Artifact", 201),
    *COLLECTIONS_LISTED.routes("/artifacts/latest", paged=False),
    *ARTIFACTS_LISTED.routes("/artifacts", paged=False),
    Route("GET", "/artifacts/{key}/latest", latest, answer="Artifact"),
    Route("GET", "/artifacts/{id}", read, answer="Artifact"),
    Route("PATCH", "/artifacts/{id}", update, ArtifactUpdate, status=204),
    Route("DELETE", "/artifacts/{id}", delete, status=204),
]
