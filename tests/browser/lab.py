"""Driving a real JupyterLab in headless Chromium.

    with LabServer(folder) as server, LabPage(server) as page:
        page.open("a.ipynb", ["1 + 1"])
        page.run(0)

Every server has its own configuration, data and runtime folders, a free port, a token and a PENSTOCK_HOME; leaving
the block ends its whole process group. Kernel ``python3`` is the interpreter that runs the tests; others can be named.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from playwright.sync_api import Locator, ViewportSize, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
_CHROME_ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_CURRENT = "window.jupyterapp.shell.currentWidget"
Theme = Literal["light", "dark"]


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LabServer:
    """A JupyterLab server of its own.

    Args:
        folder: where notebooks, settings and logs go.
        env: more environment variables for the server and its kernels.
        arguments: more command-line arguments.
        settings: user settings by plugin name, e.g. `{"@jupyterlab/apputils-extension:themes": {...}}`.
        kernels: interpreters by kernel name, more than the own one or instead of it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        env: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        kernels: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self._kernels = dict(kernels or {})
        self.notebooks = folder / "notebooks"
        self.token = secrets.token_hex(16)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self._env = dict(env or {})
        self._arguments = list(arguments)
        # The news dialog covers the page.
        quiet = {
            "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}
        }
        self._settings = {**quiet, **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> LabServer:
        self.notebooks.mkdir(parents=True, exist_ok=True)
        self._write_settings()
        self._write_kernels()
        with open(self.folder / "server.log", "ab") as log:
            self._process = subprocess.Popen(
                self._command(), stdout=log, stderr=log, env=self._environment(), start_new_session=True
            )
        try:
            self._wait_until_up(60)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Call the server's own REST API and return the JSON it answers."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("Authorization", f"token {self.token}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def end_kernels(self) -> None:
        """End every kernel politely."""
        for kernel in self.request("GET", "api/kernels"):
            self.request("DELETE", f"api/kernels/{kernel['id']}")

    def stop(self) -> None:
        """End kernels politely, then the whole process group."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError, ValueError):
            self.end_kernels()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(15)

    def _command(self) -> list[str]:
        return [
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--allow-root",
            "--ip=127.0.0.1",
            f"--port={self.port}",
            f"--IdentityProvider.token={self.token}",
            "--LabApp.expose_app_in_browser=True",
            f"--ServerApp.root_dir={self.notebooks}",
            "--ServerApp.port_retries=0",
            *self._arguments,
        ]

    def _environment(self) -> dict[str, str]:
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        bin_dir = str(Path(sys.executable).parent)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK")}
        return {
            **kept,
            "PATH": os.pathsep.join([bin_dir, os.environ.get("PATH", "")]),
            "HOME": str(home),
            "JUPYTER_CONFIG_DIR": str(self.folder / "config"),
            "JUPYTER_DATA_DIR": str(self.folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.folder / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(self.folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.folder / "workspaces"),
            "IPYTHONDIR": str(self.folder / "ipython"),
            "PENSTOCK_HOME": str(self.folder / "penstock"),
            "NO_PROXY": "127.0.0.1,localhost",
            **self._env,
        }

    def _write_settings(self) -> None:
        for plugin, values in self._settings.items():
            package, name = plugin.split(":")
            path = self.folder / "settings" / package / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))

    def _write_kernels(self) -> None:
        for name, python in self._kernels.items():
            argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            spec = {"argv": argv, "display_name": f"Python ({name})", "language": "python"}
            folder = self.folder / "data" / "kernels" / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "kernel.json").write_text(json.dumps(spec))

    def _wait_until_up(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            process = self._process
            if process is None or process.poll() is not None:
                raise RuntimeError(f"JupyterLab ended while starting:\n{self.log[-3000:]}")
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                self.request("GET", "api/status")
                return
            time.sleep(0.1)
        raise TimeoutError(f"JupyterLab was not up after {seconds} s:\n{self.log[-3000:]}")


def notebook_json(cells: Sequence[str], kernel: str = "python3") -> dict[str, Any]:
    """Return a notebook of code cells."""
    made: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"cell{i}",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
        for i, source in enumerate(cells)
    ]
    spec = {"name": kernel, "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": spec, "language_info": {"name": "python"}}
    return {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


class LabPage:
    """One browser page on a server. Cells are addressed by index."""

    def __init__(self, server: LabServer, *, width: int = 1300, height: int = 1000) -> None:
        self.server = server
        self._size: ViewportSize = {"width": width, "height": height}
        #: What the page wrote to its console, and errors nobody caught: (type, text).
        self.console: list[tuple[str, str]] = []
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> LabPage:
        with contextlib.ExitStack() as stack:
            playwright = stack.enter_context(sync_playwright())
            browser = playwright.chromium.launch(
                executable_path=str(CHROMIUM), headless=True, args=_CHROME_ARGS
            )
            stack.callback(browser.close)
            self.page = browser.new_context(viewport=self._size).new_page()
            self.page.on("console", lambda message: self.console.append((message.type, message.text)))
            self.page.on("pageerror", lambda error: self.console.append(("pageerror", str(error))))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def open(
        self, name: str, cells: Sequence[str] | None = None, *, kernel: str = "python3", seconds: float = 60
    ) -> None:
        """Open a notebook, written from `cells` when given, and wait until its kernel is connected."""
        if cells is not None:
            (self.server.notebooks / name).write_text(json.dumps(notebook_json(cells, kernel)))
        url = f"{self.server.url}lab/tree/{name}?token={self.server.token}&reset"
        self.page.goto(url, wait_until="domcontentloaded")
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=seconds * 1000)
        self.wait_connected(seconds)

    def wait_connected(self, seconds: float = 60) -> None:
        """Wait until the kernel is idle. Lab also says idle while a cell blocks: never use this for "done"."""
        self.page.wait_for_function(
            f"""() => {{
                const kernel = window.jupyterapp && {_CURRENT}?.context?.sessionContext?.session?.kernel;
                return kernel && kernel.status === 'idle' && kernel.connectionStatus === 'connected';
            }}""",
            timeout=seconds * 1000,
        )

    def js(self, expression: str, argument: Any = None) -> Any:
        return self.page.evaluate(expression, argument)

    def command(self, name: str, arguments: Mapping[str, Any] | None = None) -> None:
        """Execute a JupyterLab command and wait for its end."""
        self.js(
            "([name, args]) => window.jupyterapp.commands.execute(name, args).then(() => null)",
            [name, arguments or {}],
        )

    def reload(self, seconds: float = 60) -> None:
        """Save, load the page again and wait for the cells; a kernel whose cell blocks does not say it is idle."""
        self.save()
        self.page.reload(wait_until="domcontentloaded")
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=seconds * 1000)

    def run_all(self) -> None:
        """Start running all cells."""
        self.js("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")

    def run(self, index: int, *, wait: bool = True, seconds: float = 60) -> None:
        """Run one cell."""
        self.js(
            f"""(i) => {{
                const content = {_CURRENT}.content;
                content.activeCellIndex = i;
                content.mode = 'command';
                window.jupyterapp.commands.execute('notebook:run-cell');
            }}""",
            index,
        )
        if wait:
            self.wait_done(index, seconds=seconds)

    def wait_done(self, index: int, *, seconds: float = 60) -> None:
        self.page.wait_for_function(
            f"(i) => {{ const m = {_CURRENT}.content.widgets[i].model;"
            " return m.executionState === 'idle' && m.executionCount != null; }",
            arg=index,
            timeout=seconds * 1000,
        )

    def is_running(self, index: int) -> bool:
        return bool(self.js(f"(i) => {_CURRENT}.content.widgets[i].model.executionState !== 'idle'", index))

    def outputs(self, index: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.js(
            f"(i) => {_CURRENT}.content.widgets[i].model.outputs.toJSON()", index
        )
        return found

    def text(self, index: int) -> str:
        """Return what a cell printed, and its errors."""
        parts = []
        for output in self.outputs(index):
            if output["output_type"] == "stream":
                parts.append("".join(output["text"]))
            elif output["output_type"] == "error":
                parts.append(f"{output['ename']}: {output['evalue']}")
        return "\n".join(parts)

    def cell(self, index: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(index)

    def save(self) -> dict[str, Any]:
        """Save the notebook and return what is in the file."""
        self.command("docmanager:save")
        path = self.js(f"() => {_CURRENT}.context.path")
        saved: dict[str, Any] = json.loads((self.server.notebooks / path).read_text())
        return saved

    def theme(self, theme: Theme) -> None:
        """Switch the theme and wait until the page wears it."""
        name = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}[theme]
        self.command("apputils:change-theme", {"theme": name})
        light = "true" if theme == "light" else "false"
        self.page.wait_for_function(
            "(v) => document.body.dataset.jpThemeLight === v && !document.querySelector('#jupyterlab-splash')",
            arg=light,
        )

    def restart_kernel(self) -> None:
        self.js(f"() => {_CURRENT}.context.sessionContext.restartKernel().then(() => null)")

    def interrupt_kernel(self) -> None:
        self.js(f"() => {_CURRENT}.context.sessionContext.session.kernel.interrupt().then(() => null)")

    def screenshot(self, name: str, of: Locator | None = None) -> Path:
        """Write a PNG into the folder `shots` of PENSTOCK_CI_OUTPUT, else of the server's folder."""
        folder = Path(os.environ.get("PENSTOCK_CI_OUTPUT") or self.server.folder) / "shots"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.png"
        if of is None:
            self.page.screenshot(path=path)
            return path
        # An element taller than the notebook's own scroll area would be cut: grow the window around it.
        box = of.bounding_box()
        grown = self._size["height"] + int(box["height"] if box else 0)
        self.page.set_viewport_size({"width": self._size["width"], "height": grown})
        of.screenshot(path=path)
        self.page.set_viewport_size(self._size)
        return path
