"""A real HTTP server on loopback that answers what a test scripted, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Server:
    def __init__(self):
        self.script = []
        self.asked = []
        self.default = (200, [], {})
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                size = int(self.headers.get("content-length", 0))
                outer.asked.append((self.command, self.path, dict(self.headers), self.rfile.read(size)))
                step = outer.script.pop(0) if outer.script else outer.default
                step = step(self) if callable(step) else step
                if step == "drop":
                    self.close_connection = True
                    self.connection.close()
                    return
                status, body, headers = (*step, {})[:3]
                data = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"content-type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}/api"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def paths(self):
        return [path for _, path, _, _ in self.asked]

    def close(self):
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


@pytest.fixture
def server(monkeypatch):
    made = Server()
    monkeypatch.setenv("PENSTOCK_API_URL", made.url)
    monkeypatch.setenv("PENSTOCK_CLIENT_CSRF_SUPPORT_ENABLED", "false")
    yield made
    made.close()
