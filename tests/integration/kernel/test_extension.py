"""The extension in a real kernel: what it says when something is wrong, what it leaves, what it keeps."""

from __future__ import annotations

import pytest
from workspace import eventually

pytestmark = pytest.mark.kernel

CELL = """%%task heavy --out answer --wait
print("computing")
answer = 6 * 7
"""


def test_an_unknown_runner_is_a_usage_error(kernel):
    reply = kernel.run("%runner dusk")
    assert reply.status == "error"
    known = "dask, processes, ray, task-workers, threads"
    assert reply.text == f"UsageError: %runner: There is no runner 'dusk'; choose one of: {known}."


def test_a_failing_task_shows_the_line_of_the_user_and_not_the_engine(kernel, workspace):
    reply = kernel.run("%%task ratio --wait --out x\nparts = 0\nx = 1 / parts\n")
    assert reply.error == "ZeroDivisionError: division by zero"
    assert "----> 3 x = 1 / parts" in reply.traceback
    assert "penstock" not in reply.traceback
    assert "✗ ratio failed" in reply.text
    query = "select state_message from task_runs where task_name = 'ratio'"
    eventually(lambda: ["division by zero" in row["state_message"] for row in workspace.sql(query)] == [True])
    assert kernel.run("x").error.startswith("NameError"), "nothing is bound when the cell failed"


def test_a_failing_function_of_the_notebook_shows_its_line_too(kernel):
    kernel.check("def share(whole):\n    return 1 / whole\n")
    reply = kernel.run("%%task use --wait --out x\nx = share(0)\n")
    assert "----> 2 x = share(0)" in reply.traceback
    assert "----> 2     return 1 / whole" in reply.traceback
    assert "_engine" not in reply.traceback


def test_a_refused_cell_gets_a_short_answer(kernel):
    for cell, said in {
        "%%task asks\nname = input('who?')": "line 1: input() cannot ask anybody from inside a task",
        "%%task star\nx = 1\nfrom math import *": "line 2: from math import * hides which names come from it",
        "%%task reads\ny = nowhere + 1": "reads nowhere, which is not defined in the notebook",
        "%%flow reads\ny = nowhere + 1": "reads nowhere, which is not defined in the notebook",
    }.items():
        reply = kernel.run(cell)
        assert reply.text.startswith(f"UsageError: {cell.split()[0]}: the cell of task ")
        assert said in reply.text


def test_a_value_that_cannot_leave_its_worker_says_which_and_what_to_do(kernel):
    kernel.start("%%task locks --runner processes\nimport threading\nlock, n = threading.Lock(), 1")
    reply = kernel.run("n + 1 if lock else 0")
    assert reply.error.startswith("ValueLostError: 'lock' (lock) of task 'locks' is not here: ")
    assert "cannot pickle '_thread.lock' object" in reply.error
    assert "Call it _lock to keep it inside the task" in reply.error
    assert "_engine" not in reply.traceback


REFUSED = {
    "delete from runs": "Only SELECT is allowed here, not DELETE.",
    "select 1; drop view runs": "Expected one statement, got 2.",
    "select * from nowhere": "Table with name nowhere does not exist",
}


def test_sql_only_reads(kernel):
    for statement, said in REFUSED.items():
        reply = kernel.run(f"%%penstock_sql\n{statement}")
        assert reply.status == "error"
        assert reply.text.startswith("UsageError: %%penstock_sql: ")
        assert said in reply.text
    assert "0" in kernel.check("%%penstock_sql\nselect count(*) as n from runs").text


def test_after_a_restart_everything_is_cached(kernel, workspace):
    first = kernel.check(CELL)
    assert "computing" in first.printed
    kernel.restart()
    kernel.check("%load_ext penstock")
    second = kernel.check(CELL)
    assert "computing" not in second.printed
    assert "✓ heavy cached" in second.text
    assert kernel.check("answer").text == "42"
    query = "select state_name from task_runs order by created"
    eventually(lambda: [row["state_name"] for row in workspace.sql(query)] == ["Completed", "Cached"])


#: What unloading has to leave as it was, by name.
SNAPSHOT = """
import builtins, logging, signal, sys, threading, time
import comm, psutil
import IPython.display
from penstock._engine import observers
from penstock_widgets.feed import feed
ip = get_ipython()
def snapshot():
    loggers = [logging.getLogger(name) for name in ("", *logging.root.manager.loggerDict)]
    return {
        "threads": {thread.name for thread in threading.enumerate() if "penstock" in thread.name},
        # The store serves others, too; Python's own trackers of resources live as long as the process.
        "processes": [words for child in psutil.Process().children(recursive=True)
                      if not any(own in (words := " ".join(child.cmdline())) for own in ("_store", "resource_tracker"))],
        "input transformers": list(ip.input_transformers_cleanup) + list(ip.input_transformers_post),
        "ast transformers": list(ip.ast_transformers),
        "event callbacks": {name: list(found) for name, found in ip.events.callbacks.items()},
        "matchers": list(getattr(ip.Completer, "custom_matchers", [])),
        "configurables": [type(one).__name__ for one in ip.configurables if type(one).__name__ != "ExtensionMagics"],
        "magics": {kind: set(names) for kind, names in ip.magics_manager.magics.items()},
        "magics classes": set(ip.magics_manager.registry) - {"ExtensionMagics"},
        "log handlers": {(logger.name, handler) for logger in loggers for handler in logger.handlers},
        "hooks": (sys.excepthook, sys.displayhook, sys.unraisablehook, threading.excepthook),
        "display": (IPython.display.display, list(ip.display_pub._hooks)),
        "streams": (sys.stdout, sys.stderr, builtins.print),
        "signals": {number: signal.getsignal(number) for number in (2, 15, 23)},
        "comms": set(comm.get_comm_manager().comms),
        "names": {name for name in [*ip.user_ns, *ip.user_ns_hidden] if "penstock" in name},
        "decision to await": ip.should_run_async,
        "observers": (len(observers._observers), feed.live),
    }
before = snapshot()
"""
CHANGES = """
deadline = time.monotonic() + 10
while snapshot()["threads"] and time.monotonic() < deadline: time.sleep(0.05)
after = snapshot()
print({name: (before[name], after[name]) for name in before if before[name] != after[name]})
"""


def test_unloading_leaves_nothing(kernel):
    kernel.check("%unload_ext penstock")
    kernel.check(
        "for name in [n for n in get_ipython().user_ns if 'penstock' in n]: del get_ipython().user_ns[name]"
    )
    kernel.check(SNAPSHOT)
    for _ in range(2):
        kernel.check("%load_ext penstock")
        kernel.check("%%task one --out x\nx = 1")
        kernel.check("%%flow two\ny = one.submit().result()")
        kernel.check("%%flow three --background\nz = one.submit().result()")
        kernel.check("assert y == z == 1")
        kernel.check("%%task far --runner processes\nv = 1")
        kernel.check("v")
        kernel.start("%%task endless --no-cache\nimport time\nfor _ in range(6000): time.sleep(0.01)")
        gone = kernel.check("%unload_ext penstock")
        assert kernel.check(CHANGES).printed == "{}\n"
        static = [data for data in gone.shown if set(data) == {"text/html", "text/plain"}]
        assert any("✓ two /" in data["text/plain"] for data in static), "what is left of the panel"
        assert "Line magic function `%runner` not found" in kernel.run("%runner").text
    assert kernel.check("from penstock import flow\nflow(lambda: 3, name='after')()").text.endswith("3")


def test_loading_twice_changes_nothing(kernel):
    assert "already loaded" in kernel.check("%load_ext penstock").text
    assert kernel.check("%reload_ext penstock").status == "ok"
    reply = kernel.check("%%flow once\nx = 1")
    panels = [data for data in reply.shown if "once /" in data.get("text/plain", "")]
    assert len(panels) == 2, "one panel: shown, then sealed"


def test_sql_keeps_its_table_under_a_name_and_says_when_it_is_cut(kernel):
    shown = kernel.check("%%penstock_sql --out three --limit 3\nselect * from range(9)").text
    assert "shows the first 3 rows; there are more" in shown
    columns = "list(three.columns if hasattr(three, 'columns') else three[0])"  # dicts where pandas is not installed
    assert kernel.check(f"len(three), {columns}").text == "(3, ['range'])"
    assert kernel.check("%%penstock_sql --quiet --out nothing\nselect 1 as one").text == ""
    for line, said in {
        "--out 1x": "not a Python name",
        "--limit x": "not a number",
        "--what": "not an option",
    }.items():
        reply = kernel.run(f"%%penstock_sql {line}\nselect 1")
        assert (reply.status, said in reply.text) == ("error", True)


def test_help_and_tab_know_the_options(kernel):
    kernel.check("%%task load --define\nx = 1")
    helped = kernel.run("print(get_ipython().object_inspect_mime('%%task')['text/plain'])")
    assert "--retry-delay" in helped.text
    completed = "print(get_ipython().complete('{0}', '{1}', {2})[1])"
    assert "--timeout" in kernel.check(completed.format("--ti", "%%task a --ti", 13)).printed
    assert "'load'" in kernel.check(completed.format("lo", "%logs lo", 8)).printed


def test_a_comment_makes_a_task_as_the_magic_does(kernel, workspace):
    kernel.check("# %%task spelt --wait --retries 1\nx = 6 * 7")
    assert kernel.check("x").text == "42"
    eventually(lambda: workspace.sql("select task_name from task_runs") == [{"task_name": "spelt"}])


def test_config_gives_defaults(kernel, workspace):
    kernel.check("%config Penstock.tags = 'nightly'\n%config Penstock.wait = True")
    kernel.check("%%task tagged\nx = 1")
    assert kernel.check("get_ipython().user_ns['x']").text == "1"
    eventually(lambda: workspace.sql("select tags from task_runs") == [{"tags": ["nightly"]}])
