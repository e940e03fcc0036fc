"""A small HTTP server on the local host that says how a task worker is. Reference: api-ref prefect-task_worker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from penstock._journal.line import to_json

if TYPE_CHECKING:
    from penstock._engine.task_worker import TaskWorker


def create_status_server(task_worker: TaskWorker, port: int = 0) -> ThreadingHTTPServer:
    """Return a server that answers ``GET /status`` with what a task worker does; it is not started.

    Args:
        task_worker: which one.
        port: of the local host; a free one by default.
    """

    class Status(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/status":
                self.send_error(404)
                return
            body = to_json(status(task_worker))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Stay quiet: whoever looks every second would fill the log."""

    return ThreadingHTTPServer(("127.0.0.1", port), Status)


def status(task_worker: TaskWorker) -> dict[str, Any]:
    """Return what a task worker does."""
    started = task_worker.started_at
    return {
        "client_id": task_worker.client_id,
        "started_at": started.isoformat() if started else None,
        "tasks": [task.task_key for task in task_worker.tasks],
        "limit": task_worker.limit,
        "current_tasks": task_worker.current_tasks,
        "available_tasks": task_worker.available_tasks,
    }


@contextmanager
def serving_status(task_worker: TaskWorker, port: int) -> Iterator[None]:
    """Answer on a port while the block goes on."""
    server = create_status_server(task_worker, port)
    thread = threading.Thread(target=server.serve_forever, name="penstock-status", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
