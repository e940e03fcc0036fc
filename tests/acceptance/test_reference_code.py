"""Scripts in the manner of the reference's first pages: the same imports, decorators and calls, the word is the package."""

from __future__ import annotations

import json
import sys
import textwrap
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from subprocess import run
from urllib.parse import parse_qs, urlparse

import pytest

from .support import rows, workspace

FAN_OUT = """
    import random
    from penstock import flow, task

    @task
    def order_numbers() -> list[str]:
        return [f"order-{n}" for n in random.choices(range(50), k=6)]

    @task
    def ship(order: str) -> str:
        return f"shipped {order}"

    @flow
    def main() -> list[str]:
        orders = order_numbers()
        shipped = ship.map(orders)
        return shipped

    if __name__ == "__main__":
        main()
"""

TAGGED = """
    from penstock import flow, tags

    @flow(log_prints=True)
    def greet(who: str = "nobody") -> None:
        '''Say hello.'''
        print(f"Good morning, {who}.")

    if __name__ == "__main__":
        with tags("morning"):
            greet()
            greet("Ada")
            for name in ["Grace", "Edsger"]:
                greet(name)
"""

PIPELINE = """
    from __future__ import annotations

    import sys
    from pathlib import Path
    from typing import Any

    import httpx
    import pandas as pd

    from penstock import flow, task

    @task(retries=3, retry_delay_seconds=[0.01, 0.02, 0.03])
    def download(page: int, base: str, size: int) -> list[dict[str, Any]]:
        print(f"Getting page {page}")
        answer = httpx.get(f"{base}/books", params={"page": page, "size": size}, timeout=30)
        answer.raise_for_status()
        return answer.json()

    @task
    def tidy(pages: list[list[dict[str, Any]]]) -> pd.DataFrame:
        return pd.json_normalize([book for page in pages for book in page])[["id", "title", "author.name"]]

    @task
    def save(books: pd.DataFrame, path: Path) -> None:
        books.to_csv(path, index=False)
        print(f"Saved {len(books)} books")

    @flow(name="books_etl", log_prints=True)
    def pipeline(base: str, pages: int, size: int, target: Path) -> None:
        raw: list[list[dict[str, Any]]] = []
        for number in range(1, pages + 1):
            raw.append(download(number, base, size))
        books = tidy(raw)
        save(books, target)

    if __name__ == "__main__":
        pipeline(base=sys.argv[1], pages=3, size=4, target=Path(sys.argv[2]))
"""


def execute(source, folder, *arguments):
    path = folder / "script.py"
    path.write_text(textwrap.dedent(source))
    done = run([sys.executable, path, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture
def own():
    with workspace() as home:
        yield home


@pytest.fixture
def library():
    """Serve books over HTTP; the second page fails the first time."""
    failed = []

    class Books(BaseHTTPRequestHandler):
        def do_GET(self):
            asked = parse_qs(urlparse(self.path).query)
            page, size = int(asked["page"][0]), int(asked["size"][0])
            if page == 2 and not failed:
                failed.append(page)
                self.send_error(503)
                return
            books = [
                {"id": n, "title": f"Book {n}", "author": {"name": "A"}}
                for n in range(size * (page - 1), size * page)
            ]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(books).encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Books) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_fan_out_over_a_list(own, tmp_path):
    said = execute(FAN_OUT, tmp_path)
    assert "Beginning flow run" in said
    assert "Finished in state Completed('All states completed.')" in said
    assert rows("SELECT flow_name, state_name, state_message FROM runs") == [
        {"flow_name": "main", "state_name": "Completed", "state_message": "All states completed."}
    ]
    counted = rows("SELECT task_name, state_name, count(*) AS n FROM task_runs GROUP BY ALL ORDER BY ALL")
    assert [tuple(row.values()) for row in counted] == [
        ("order_numbers", "Completed", 1),
        ("ship", "Completed", 6),
    ]


def test_tags_prints_and_defaults(own, tmp_path):
    execute(TAGGED, tmp_path)
    runs = rows("SELECT tags, parameters, state_name FROM runs ORDER BY created")
    given = [
        json.loads(r["parameters"]) if isinstance(r["parameters"], str) else r["parameters"] for r in runs
    ]
    # what was given is on record, defaults are not
    assert given == [{}, *({"who": name} for name in ("Ada", "Grace", "Edsger"))]
    assert [(r["tags"], r["state_name"]) for r in runs] == [(["morning"], "Completed")] * 4
    said = rows("SELECT message FROM logs WHERE message LIKE 'Good morning%' ORDER BY message")
    assert [row["message"] for row in said] == [
        f"Good morning, {name}." for name in ("Ada", "Edsger", "Grace", "nobody")
    ]


def test_a_pipeline_over_http_tries_again_and_writes_its_file(own, tmp_path, library):
    target = tmp_path / "books.csv"
    execute(PIPELINE, tmp_path, library, str(target))
    assert target.read_text().splitlines()[:2] == ["id,title,author.name", "0,Book 0,A"]
    assert len(target.read_text().splitlines()) == 13
    assert rows("SELECT flow_name, state_name FROM runs") == [
        {"flow_name": "books_etl", "state_name": "Completed"}
    ]
    counted = rows("SELECT task_name, run_count, count(*) AS n FROM task_runs GROUP BY ALL ORDER BY ALL")
    assert [tuple(row.values()) for row in counted] == [
        ("download", 1, 2),
        ("download", 2, 1),
        ("save", 1, 1),
        ("tidy", 1, 1),
    ]
    said = rows(
        "SELECT message FROM logs WHERE message LIKE 'Getting%' OR message LIKE 'Saved%' ORDER BY message"
    )
    assert [row["message"] for row in said] == [
        "Getting page 1",
        "Getting page 2",
        "Getting page 2",
        "Getting page 3",
        "Saved 12 books",
    ]
