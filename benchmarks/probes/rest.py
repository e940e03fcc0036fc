"""Time the same REST requests against a server: `rest.py URL SOCKET TOKEN RUNS REPORT`.

SOCKET is the Unix socket of Penstock's store; empty for a server on TCP.
"""

import http.client
import json
import socket
import statistics
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

CLIENTS = 4
BUSY = 503
#: How often a busy server is asked.
PATIENCE = 500


class Api:
    """A kept-alive connection, opened again when the server has closed it."""

    def __init__(self, url, path, token):
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        self.path, self.prefix = path, parts.path
        self.headers = {"Content-Type": "application/json"}
        if token:
            self.headers["Authorization"] = f"Bearer {token}"

    def post(self, path, body, times=None):
        """Send one request, note its milliseconds in `times`, and return the answer; a busy server is asked again."""
        data = json.dumps(body)
        started = time.perf_counter()
        for _ in range(PATIENCE):
            status, answer = self.send(path, data)
            if status != BUSY:
                break
        if times is not None:
            times.append((time.perf_counter() - started) * 1e3)
        if status >= 400:
            raise SystemExit(f"{path}: {status} {answer[:500]!r}")
        return json.loads(answer)

    def send(self, path, data):
        """Send one request once; return its status and the answer."""
        if self.path and self.connection.sock is None:
            self.connection.sock = socket.socket(socket.AF_UNIX)
            self.connection.sock.connect(self.path)
        try:
            self.connection.request("POST", self.prefix + path, data, self.headers)
            response = self.connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            return BUSY, repr(error).encode()


def work(api, flow_id, count, created, moved):
    """Make flow runs and set each to Running."""
    for _ in range(count):
        run = api.post("/flow_runs/", {"flow_id": flow_id, "state": {"type": "PENDING"}}, created)
        path = f"/flow_runs/{run['id']}/set_state"
        answer = api.post(path, {"state": {"type": "RUNNING"}, "force": False}, moved)
        if answer["status"] != "ACCEPT":
            raise SystemExit(f"a transition was not accepted: {answer}")


def main():
    """Measure and write the report."""
    url, path, token, runs, report = sys.argv[1:]
    first, runs = Api(url, path, token), int(runs)
    flow_id = first.post("/flows/", {"name": "rest-benchmark"})["id"]
    work(first, flow_id, 20, None, None)
    figures = {}

    def note(title, times):
        times.sort()
        figures[f"{title}, median"] = statistics.median(times)
        figures[f"{title}, 99 %"] = times[int(len(times) * 0.99)]

    created, moved = [], []
    work(first, flow_id, runs, created, moved)
    note("make a flow run", created)
    note("set its state", moved)
    moved = []
    others = [
        threading.Thread(target=work, args=(Api(url, path, token), flow_id, runs // CLIENTS, [], moved))
        for _ in range(CLIENTS)
    ]
    for other in others:
        other.start()
    for other in others:
        other.join()
    note(f"set a state, {CLIENTS} clients at once", moved)
    pages, counts = [], []
    for _ in range(21):
        page = first.post("/flow_runs/filter", {"limit": 200, "sort": "START_TIME_DESC"}, pages)
        first.post("/flow_runs/count", {"flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}}, counts)
    if len(page) != min(200, 20 + 2 * runs):
        raise SystemExit(f"a page has {len(page)} runs")
    note("a page of 200 flow runs", pages)
    note("count flow runs", counts)
    Path(report).write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
