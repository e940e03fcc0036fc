"""The feed, watched on the wire: what a panel's comm is asked to send."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

pytest.importorskip("anywidget")

from penstock_widgets.feed import Feed
from penstock_widgets.panel import RunPanel
from penstock_widgets.patches import apply_patch


def wait_until(fact: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.005)


class Wire:
    """A page at the other end of a panel: it applies what it is sent, as the TypeScript does."""

    def __init__(self, panel: RunPanel) -> None:
        self.patches: list[dict] = []
        self.snapshots = 0
        self.threads: set[str] = set()
        self.state = panel.copy_current()
        self.broken = False
        panel.comm.send = self.take

    def take(self, data: dict | None = None, **_: object) -> None:
        assert data is not None
        if self.broken:
            raise OSError("comm closed")
        self.threads.add(threading.current_thread().name)
        if data["method"] == "custom":
            self.patches.append(data["content"]["patch"])
            apply_patch(self.state, data["content"]["patch"])
            self.state["logs"]["dropped"] = data["content"]["patch"].get("logs", self.state["logs"])[
                "dropped"
            ]
        elif "snapshot" in data["state"]:
            self.snapshots += 1
            self.state = data["state"]["snapshot"]


@pytest.fixture
def panel() -> Iterator[RunPanel]:
    made = RunPanel({"run": {"id": "r1"}})
    yield made
    made.close()


def feed_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "penstock-feed"]


def test_many_updates_from_many_threads_become_few_messages(panel):
    feed, wire = Feed(period=0.05), Wire(panel)
    feed.start(panel)

    def work(name: str) -> None:
        for n in range(300):
            feed.update(panel, {"tasks": {name: {"name": name, "counts": {"COMPLETED": n + 1}}}})
            feed.update(panel, {"logs": {"append": [{"text": f"{name} {n}"}]}})

    workers = [threading.Thread(target=work, args=(f"t{i}",)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    wait_until(lambda: wire.state == panel.current)
    assert 1 <= len(wire.patches) < 100
    assert {t: v["counts"]["COMPLETED"] for t, v in wire.state["tasks"].items()} == dict.fromkeys(
        ["t0", "t1", "t2", "t3"], 300
    )
    assert wire.state["logs"]["dropped"] == 4 * 300 - 200
    feed.finish(panel)


def test_the_snapshot_is_written_at_start_on_time_and_at_the_end(panel):
    feed, wire = Feed(period=0.01, snapshot_period=0.1), Wire(panel)
    feed.start(panel)
    feed.update(panel, {"run": {"state_type": "RUNNING"}})
    wait_until(lambda: panel.snapshot["run"]["state_type"] == "RUNNING")
    feed.update(panel, {"run": {"state_type": "COMPLETED"}})
    feed.finish(panel)
    assert panel.snapshot["run"]["state_type"] == "COMPLETED"
    assert panel.snapshot == panel.current == wire.state


def test_the_thread_ends_with_the_last_panel_and_starts_again(panel):
    feed, wire = Feed(period=0.01), Wire(panel)
    before = set(feed_threads())
    feed.update(panel, {"run": {"name": "a"}})
    wait_until(lambda: wire.state["run"]["name"] == "a")
    (mine,) = set(feed_threads()) - before
    assert mine.daemon
    feed.finish(panel)
    wait_until(lambda: not mine.is_alive())
    assert feed.live == 0
    feed.start(panel)
    feed.update(panel, {"run": {"name": "b"}})
    wait_until(lambda: wire.state["run"]["name"] == "b")
    feed.finish(panel)


def test_a_straggler_after_the_end_is_written_and_wakes_nobody(panel):
    feed, wire = Feed(period=0.01), Wire(panel)
    feed.start(panel)
    feed.finish(panel)
    feed.update(panel, {"logs": {"append": [{"text": "late"}]}})
    assert wire.state["logs"]["lines"] == [{"text": "late"}]
    assert feed.live == 0


def test_a_closed_comm_stops_neither_the_feed_nor_other_panels(panel):
    feed, other = Feed(period=0.01), RunPanel()
    broken, wire = Wire(panel), Wire(other)
    feed.start(panel)
    broken.broken = True
    feed.update(panel, {"run": {"name": "lost"}})
    feed.update(other, {"run": {"name": "kept"}})
    wait_until(lambda: wire.state["run"]["name"] == "kept")
    other.close()
    feed.update(other, {"run": {"name": "closed"}})
    feed.finish(other)
    feed.finish(panel)
    assert panel.current["run"]["name"] == "lost"
    assert other.current["run"]["name"] == "closed"


def test_a_page_that_comes_late_is_sent_everything(panel):
    feed, wire = Feed(period=0.01, snapshot_period=60), Wire(panel)
    feed.start(panel)
    feed.update(panel, {"run": {"name": "early"}})
    wait_until(lambda: bool(wire.patches))
    before = wire.snapshots
    panel._take({"kind": "ready"})
    wait_until(lambda: wire.snapshots > before)
    assert panel.snapshot["run"]["name"] == "early"
    feed.finish(panel)


def test_sending_many_panels_stays_under_the_server_limit():
    feed = Feed(period=0.001)
    panels = [RunPanel() for _ in range(30)]
    wires = [Wire(panel) for panel in panels]
    for panel in panels:
        feed.start(panel)
    begin = time.monotonic()
    for n in range(10**9):
        for panel in panels:
            feed.update(panel, {"run": {"name": str(n)}})
        if time.monotonic() - begin > 1.0:
            break
    sent = sum(len(wire.patches) for wire in wires)
    assert 30 <= sent < 200 * (time.monotonic() - begin) + 30
    for panel in panels:
        feed.finish(panel)
        panel.close()
