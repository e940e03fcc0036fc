"""The peer's own environment and its server: nothing of it is imported here."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Newer releases of FastAPI break this release's server: its Body() no longer knows an argument that is used.
REQUIREMENTS = ["prefect==3.8.8", "fastapi==0.139.2", "prefect-dask", "prefect-ray"]
#: For the cases of caching: another cache, and the versions of pandas that the frames of ours are made with.
REQUIREMENTS += ["joblib==1.6.0", "pandas==3.1.1", "numpy==2.4.6", "pyarrow==26.0.1"]
LABEL = "Prefect 3.8.8"
ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".cache" / "peers"
START_SECONDS = 90


def peer_python() -> Path:
    """Return the interpreter with the peer in it; make the environment when PENSTOCK_BENCH_PEERS names none."""
    given = os.environ.get("PENSTOCK_BENCH_PEERS")
    folder = Path(given) if given else FOLDER
    python = folder / "bin" / "python"
    stamp = folder / ".complete"
    if given and not python.exists():
        raise SystemExit(
            f"PENSTOCK_BENCH_PEERS={given} has no bin/python; unset it to have one made in {FOLDER}."
        )
    if not given and not stamp.exists():
        print(f"Installing {', '.join(REQUIREMENTS)} into {folder} ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *REQUIREMENTS], check=True)
        stamp.touch()
    return python


def settings(home: Path) -> dict[str, str]:
    """Return the environment that keeps the peer quiet and in its own folder."""
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_LOGGING_LEVEL": "INFO",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "60",
        "DO_NOT_TRACK": "1",
    }


def free_port() -> int:
    """Return a TCP port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(python: Path, home: Path) -> Iterator[str]:
    """Run the peer's server; yield its API URL once it answers."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    command = [str(python), "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    env = {**os.environ, **settings(home)}
    env.pop("PYTHONPATH", None)
    log = (home / "server.log").open("w")
    process = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_healthy(process, f"{url}/health", home / "server.log")
        yield url
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def wait_healthy(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Return when the URL answers; say what the server printed when it never does."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"The peer's server did not come up in {START_SECONDS} s:\n{log.read_text()[-2000:]}")
