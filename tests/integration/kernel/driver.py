"""A Jupyter kernel under test, spoken to with jupyter_client alone: no server, no browser.

with Kernel(workspace) as kernel:
    reply = kernel.run("1 + 1")
    assert reply.text == "2"
"""

from __future__ import annotations

import queue
import re
import sys
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from workspace import Workspace, write_kernelspec

#: What stands around the texts that tests look for: tags, quotes, where a warning comes from.
_AROUND = re.compile(r"<task .*Warning: |^/.*Warning: |<[^>]*>|'")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def _lines(text: str) -> list[str]:
    return [_AROUND.sub("", line).strip() for line in text.splitlines()]


@dataclass
class Reply:
    """What a cell did."""

    status: str = ""
    printed: str = ""
    shown: list[dict[str, Any]] = field(default_factory=list)
    #: The lines it printed and the texts it showed, tags left out, in the order they came.
    order: list[str] = field(default_factory=list)
    error: str = ""
    traceback: str = ""

    @property
    def text(self) -> str:
        """The text of everything the cell printed and showed."""
        return "\n".join([self.printed, *(str(data.get("text/plain", "")) for data in self.shown)]).strip()

    def has(self, text: str) -> bool:
        """Whether it has printed or shown a text."""
        return text in self.text or any(text in line for line in self.order)


class Kernel:
    """One kernel in a workspace.

    Args:
        workspace: its PENSTOCK_HOME.
        python: the interpreter, that of the tests by default.
        stdin: whether somebody could answer, as a front end says with each cell.
        env: more environment variables.
    """

    def __init__(
        self,
        workspace: Workspace,
        python: str | None = None,
        *,
        stdin: bool = True,
        env: dict[str, str] | None = None,
    ) -> None:
        self.workspace = workspace
        self.python = python or sys.executable
        self._stdin = stdin
        data = workspace.folder / "jupyter"
        write_kernelspec(data, self.python)
        specs = KernelSpecManager(kernel_dirs=[str(data / "kernels")], ensure_native_kernel=False)
        self._manager = KernelManager(kernel_spec_manager=specs, kernel_name="python3")
        #: What the last cell asked the front end to do (`set_next_input`).
        self.payload: list[dict[str, Any]] = []
        self._replies: dict[str, Reply] = {}
        self._env = {**workspace.env, "IPYTHONDIR": str(workspace.folder / "ipython"), **(env or {})}

    def __enter__(self) -> Kernel:
        self._manager.start_kernel(env=self._env, cwd=str(self.workspace.folder))
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        try:
            self._client.wait_for_ready(timeout=60)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.stop_channels()
        if self._manager.has_kernel:
            self._manager.shutdown_kernel()
        self._manager.cleanup_resources()

    @property
    def pid(self) -> int:
        """The kernel's process."""
        provisioner = self._manager.provisioner
        assert provisioner is not None
        return int(provisioner.pid)  # type: ignore[attr-defined]

    def begin(self, code: str) -> str:
        """Send a cell and return its message id, without waiting."""
        sent: str = self._client.execute(code, allow_stdin=self._stdin)
        return sent

    def wait_for_start(self, sent: str, seconds: float = 30.0) -> None:
        """Wait until the kernel has begun with a cell."""
        deadline = time.monotonic() + seconds
        while True:
            message = self._client.get_iopub_msg(timeout=max(0.0, deadline - time.monotonic()))
            mine = message["parent_header"].get("msg_id") == sent
            if mine and message["msg_type"] == "execute_input":
                return

    def end(self, sent: str, seconds: float = 60.0, *, answer: bool = True) -> Reply:
        """Collect everything a cell published until the kernel says it is idle again.

        Without `answer` the reply proper may be missing: an ipykernel that is interrupted right after a cell's end
        never sends it. It is waited for a second all the same, because ipykernel sends it with a socket that it also
        reads: a request that arrives at that very moment stays unread until the next one (7.3, seen without Penstock).
        """
        reply = self.reply(sent)
        deadline = time.monotonic() + seconds
        while not self._read(sent, deadline):
            pass
        try:
            message = self._client._recv_reply(
                sent, timeout=max(0.1, deadline - time.monotonic()) if answer else 1
            )
        except TimeoutError:
            if answer:
                raise
            return reply
        reply.status = message["content"]["status"]
        self.payload = message["content"].get("payload", [])
        return reply

    def reply(self, sent: str) -> Reply:
        """Return what a cell has published so far; it grows while others are read."""
        return self._replies.setdefault(sent, Reply())

    def read_until(self, sent: str, text: str, seconds: float = 60.0) -> Reply:
        """Read what the kernel publishes until a cell, which may have ended long ago, has shown a text."""
        reply = self.reply(sent)
        deadline = time.monotonic() + seconds
        while not reply.has(text):
            try:
                self._read(sent, deadline)
            except queue.Empty:
                raise AssertionError(f"{text!r} did not come; there is {reply.text!r}") from None
        return reply

    def start(self, code: str) -> str:
        """Run a cell that returns at once, which must succeed; return its message id."""
        sent = self.begin(code)
        while (reply := self.end(sent)).status == "aborted":
            sent = self.begin(code)
        assert reply.status == "ok", reply.traceback
        return sent

    def run(self, code: str, seconds: float = 60.0) -> Reply:
        """Run a cell to its end; again where it was aborted, which ipykernel 6.17 does right after a cell that failed."""
        while (reply := self.end(self.begin(code), seconds)).status == "aborted":
            pass
        return reply

    def check(self, code: str, seconds: float = 60.0) -> Reply:
        """Run a cell that must succeed."""
        reply = self.run(code, seconds)
        assert reply.status == "ok", reply.traceback
        return reply

    def interrupt(self) -> None:
        """Do what the Stop button does: a signal to the kernel's process group."""
        self._manager.interrupt_kernel()

    def restart(self) -> None:
        """Restart the kernel and wait until it answers."""
        self._manager.restart_kernel()
        self._client.wait_for_ready(timeout=60)

    def shutdown(self) -> None:
        """Shut the kernel down as a front end does."""
        self._manager.shutdown_kernel()

    def kill(self) -> None:
        """`kill -9` the kernel's process alone, and wait until it is gone."""
        import psutil

        process = psutil.Process(self.pid)
        process.kill()
        assert self._manager.provisioner is not None
        psutil.wait_procs([process], timeout=10)

    def _read(self, sent: str, deadline: float) -> bool:
        """Read one message into the reply it belongs to; True when it ends the cell `sent`."""
        message = self._client.get_iopub_msg(timeout=max(0.0, deadline - time.monotonic()))
        parent = message["parent_header"].get("msg_id", "")
        idle = self._take(self.reply(parent), message["msg_type"], message["content"])
        return idle and parent == sent

    def _take(self, reply: Reply, kind: str, content: dict[str, Any]) -> bool:
        if kind == "stream":
            reply.printed += content["text"]
            reply.order += _lines(content["text"])
        elif kind in ("display_data", "execute_result", "update_display_data"):
            reply.shown.append(content["data"])
            reply.order += _lines(
                content["data"].get("text/html") or str(content["data"].get("text/plain", ""))
            )
        elif kind == "error":
            reply.error = f"{content['ename']}: {_ANSI.sub('', content['evalue'])}"
            reply.traceback = _ANSI.sub("", "\n".join(content["traceback"]))
        return kind == "status" and content["execution_state"] == "idle"
