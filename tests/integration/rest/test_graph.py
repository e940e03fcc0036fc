from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest


def uses(*ids):
    return [{"input_type": "task_run", "id": one} for one in ids]


@pytest.fixture
def tree(api):
    """a -> b -> sub (a flow run of its own), c encapsulated by a."""
    run = api.flow_run("RUNNING")
    a = api.task_run(run["id"], name="a")
    b = api.task_run(
        run["id"],
        name="b",
        task_inputs={"x": uses(a["id"], a["id"]), "k": [{"input_type": "constant", "type": "int"}]},
    )
    sub = api.task_run(run["id"], name="sub", task_inputs={"y": uses(b["id"])})
    c = api.task_run(run["id"], name="c", task_inputs={"__parents__": uses(a["id"])})
    waits = api.task_run(run["id"], name="waits")
    for task in (a, b, c):
        api.propose(task["id"], "RUNNING", "task_runs")
        api.propose(task["id"], "COMPLETED", "task_runs")
    flow = api.flow()
    child = api.flow_run("RUNNING", flow["id"], name="kid", parent_task_run_id=sub["id"])
    return {"run": run, "a": a, "b": b, "sub": sub, "c": c, "waits": waits, "child": child, "flow": flow}


def test_the_first_graph_lists_task_runs_with_direct_inputs(api, tree):
    rows = {row["name"]: row for row in api.get(f"/flow_runs/{tree['run']['id']}/graph")}
    assert set(rows) == {"a", "b", "sub", "c", "waits"}
    assert rows["b"]["upstream_dependencies"] == uses(tree["a"]["id"])
    assert rows["a"]["upstream_dependencies"] == []
    assert (rows["b"]["untrackable_result"], rows["b"]["state"]["type"]) == (False, "COMPLETED")


def test_a_flow_run_and_the_task_run_that_stands_for_it_are_one_node(api, tree):
    """Server section 23 (c): with the flow run's id, label, state and times; nothing pending, no dangling edges."""
    graph = api.get(f"/flow_runs/{tree['run']['id']}/graph-v2")
    nodes = {node["label"]: node for _, node in graph["nodes"]}
    label = f"{tree['flow']['name']} / kid"
    assert set(nodes) == {"a", "b", "c", label}
    child = nodes[label]
    assert (child["id"], child["kind"], child["state_type"]) == (tree["child"]["id"], "flow-run", "RUNNING")
    assert (child["end_time"], child["parents"]) == (None, [{"id": tree["b"]["id"]}])
    assert nodes["b"]["children"] == [{"id": tree["child"]["id"]}]
    assert nodes["b"]["parents"] == [{"id": tree["a"]["id"]}]
    assert nodes["c"]["encapsulating"] == [{"id": tree["a"]["id"]}]
    assert nodes["c"]["parents"] == []
    assert graph["root_node_ids"] == [tree["a"]["id"]]
    assert [state["type"] for state in graph["states"]] == ["RUNNING"]


def test_inputs_from_other_flow_runs_are_no_edges(api, tree):
    other = api.flow_run("RUNNING")
    task = api.task_run(other["id"], name="far", task_inputs={"x": uses(tree["a"]["id"])})
    api.propose(task["id"], "RUNNING", "task_runs")
    (node,) = api.get(f"/flow_runs/{other['id']}/graph-v2")["nodes"]
    assert node[1]["parents"] == []


def test_artifacts_hang_on_their_node_or_on_the_graph(api, tree):
    run, task = tree["run"]["id"], tree["a"]["id"]
    on_task = {"key": "report", "type": "progress", "data": 40.0, "flow_run_id": run, "task_run_id": task}
    old = api.post("/artifacts/", on_task)
    new = api.post("/artifacts/", on_task)
    top = api.post("/artifacts/", {"type": "markdown", "data": "# hi", "flow_run_id": run})
    api.post("/artifacts/", {"type": "result", "data": "x", "flow_run_id": run})
    graph = api.get(f"/flow_runs/{run}/graph-v2")
    node = dict(graph["nodes"])[task]
    assert [(one["id"], one["is_latest"], one["data"]) for one in node["artifacts"]] == [
        (old["id"], False, 40.0),
        (new["id"], True, 40.0),
    ]
    assert [(one["id"], one["is_latest"], one["data"]) for one in graph["artifacts"]] == [
        (top["id"], True, None)
    ]


def test_since_leaves_out_what_had_ended_by_then(api, tree):
    later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    path = f"/flow_runs/{tree['run']['id']}/graph-v2"
    graph = api.get(path, params={"since": later})
    assert [one for one, _ in graph["nodes"]] == [tree["child"]["id"]]
    end = next(node["end_time"] for _, node in api.get(path)["nodes"] if node["label"] == "c")
    assert tree["c"]["id"] in dict(api.get(path, params={"since": end})["nodes"])
    api.get(path, 422, params={"since": "then"})
