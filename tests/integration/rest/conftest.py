"""The store's own ASGI application over a real DuckDB file and a real writer thread, in this process."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from penstock._journal.writer import Journal
from penstock._store.access import Access
from penstock._store.app import Application
from penstock._store.core import Core
from penstock._store.guard import Guard
from penstock._store.recovery import open_database
from penstock._store.service import Store
from penstock._store.sweeper import Sweeper
from penstock._workspace import Workspace

TOKEN = "t0ken" * 8


class Api:
    """A store without its process; requests come as if over loopback TCP."""

    def __init__(self, auth_string=None, csrf=None) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="pst-"))
        workspace = Workspace(self.home)
        workspace.prepare()
        self.database = open_database(workspace)
        self.journal = Journal(workspace.journals, role="store")
        self.core = Core(self.database, self.journal, workspace.journals)
        self.core.start()
        sweeper = Sweeper(self.core, workspace)
        access = Access(TOKEN, auth_string, csrf)
        self.store = Store(workspace, self.database, self.core, sweeper, lambda: None, lambda: False, access)
        self.app = Guard(Application(self.store), access)
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        transport = httpx.ASGITransport(app=self.app)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        self.client = httpx.AsyncClient(
            transport=transport, base_url="http://localhost:4200", headers=headers
        )

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    def request(self, method, path, **options):
        return self.run(self.client.request(method, path, **options))

    def get(self, path, status=200, **options):
        return self._checked("GET", path, status, **options)

    def post(self, path, body=None, status=None, **options):
        return self._checked("POST", path, status, json={} if body is None else body, **options)

    def patch(self, path, body, status=204):
        return self._checked("PATCH", path, status, json=body)

    def delete(self, path, status=204):
        return self._checked("DELETE", path, status)

    def _checked(self, method, path, status, **options):
        reply = self.request(method, f"/api{path}", **options)
        wanted = (200, 201, 204) if status is None else (status,)
        assert reply.status_code in wanted, (method, path, reply.status_code, reply.text)
        if not reply.content:
            return None
        return reply.json() if "json" in reply.headers["content-type"] else reply.text

    def flow(self, name=None, **fields):
        return self.post("/flows/", {"name": name or f"flow-{uuid4()}", **fields})

    def flow_run(self, state="PENDING", flow=None, **fields):
        flow_id = flow or self.flow()["id"]
        shown = {"type": state} if isinstance(state, str) else state
        return self.post("/flow_runs/", {"flow_id": flow_id, "state": shown, **fields}, 201)

    def task_run(self, flow_run_id=None, **fields):
        body = {"task_key": "demo.work-1", "dynamic_key": str(uuid4()), "flow_run_id": flow_run_id, **fields}
        return self.post("/task_runs/", body, 201)

    def propose(self, run_id, type, kind="flow_runs", force=False, **state):
        body = {"state": {"type": type, **state}, "force": force}
        return self.post(f"/{kind}/{run_id}/set_state", body)

    def close(self) -> None:
        self.run(self.client.aclose())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()
        self.core.stop()
        self.database.close()
        self.journal.close()
        shutil.rmtree(self.home)


@pytest.fixture(autouse=True)
def home():
    """These stores bring their own folders, and their writers live as long as they do."""


@pytest.fixture(scope="module")
def api():
    """One store a module; its tests make their own flows and runs and look only at those."""
    made = Api()
    yield made
    made.close()


@pytest.fixture
def own_api():
    """A store with nothing in it."""
    made = Api()
    yield made
    made.close()
