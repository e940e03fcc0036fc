from __future__ import annotations

import json

import pytest

pytest.importorskip("anywidget")

from panel_sample import sample_snapshot

from penstock_widgets.panel import RunPanel

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def panel():
    made = RunPanel(sample_snapshot())
    yield made
    made.close()


def test_the_bundle_reads_well_with_and_without_javascript(panel):
    data, _ = panel._repr_mimebundle_()
    assert data[VIEW]["model_id"] == panel.model_id
    assert "month_delays" in data["text/html"]
    assert data["text/plain"].startswith("\N{DOUBLE VERTICAL LINE} flight-delays / golden-heron")
    panel.merge({"run": {"state_name": "Completed"}})
    assert "Completed" in panel._repr_mimebundle_()[0]["text/plain"]


def test_an_answer_reaches_the_callback_once_whichever_ways_it_comes(panel):
    got: list[tuple[str, dict]] = []
    panel.on_answer(lambda pause, values: got.append((pause, values)))
    message = {"kind": "answer", "pause": "p1", "values": {"n": 1}, "nonce": "a"}
    panel._take(message)
    panel._handle_custom_msg(message, [])
    assert got == [("p1", {"n": 1})]
    panel._handle_custom_msg({**message, "nonce": "b"}, [])
    assert len(got) == 2


def test_cancel_reaches_the_callback_and_nonsense_reaches_nobody(panel):
    cancels: list[int] = []
    panel.on_cancel(lambda: cancels.append(1))
    panel.on_answer(lambda *_: cancels.append(99))
    panel._handle_custom_msg({"kind": "cancel", "nonce": "c"}, [])
    for nonsense in (None, 3, [], {}, {"kind": "answer"}, {"kind": "answer", "values": 4}, {"kind": []}):
        panel._handle_custom_msg(nonsense, [])
    assert cancels == [1]


def test_a_failing_callback_is_logged_with_the_run(panel, caplog):
    panel.on_cancel(lambda: 1 / 0)
    panel._handle_custom_msg({"kind": "cancel", "nonce": "d"}, [])
    assert "0190a0c4-5b1e-7000-8000-000000000001" in caplog.text
    assert "ZeroDivisionError" in caplog.text


class Routed:
    """The comm of ipykernel 7.4, as far as routing goes."""

    def _reply_subshell_for(self, data, default):
        return "main"


def test_answers_are_taken_where_the_kernel_asks_for_the_route(panel):
    comm, got = Routed(), []
    panel.on_answer(lambda pause, values: got.append(values))
    panel._listen_while_blocked(comm)
    content = {"kind": "answer", "pause": "p1", "values": {"n": 2}, "nonce": "e"}
    assert comm._reply_subshell_for({"method": "custom", "content": content}, "front-end") == "front-end"
    assert comm._reply_subshell_for(None, None) is None
    assert comm._reply_subshell_for({"method": "update"}, "x") == "x"
    assert got == [{"n": 2}]


def test_the_snapshot_is_json(panel):
    assert json.loads(json.dumps(panel.snapshot)) == panel.snapshot == panel.current
