from __future__ import annotations

from penstock_widgets.patches import LOG_LIMIT, apply_patch, empty_snapshot, join_patches, merge


def test_dictionaries_are_merged_and_lists_replaced():
    base = {"a": {"x": 1, "y": [1, 2]}, "b": 1}
    merge(base, {"a": {"y": [3]}, "c": {"z": None}})
    assert base == {"a": {"x": 1, "y": [3]}, "b": 1, "c": {"z": None}}


def test_merging_shares_nothing_with_the_patch():
    patch = {"tasks": {"t": {"counts": {"RUNNING": 1}, "upstream": ["a"]}}}
    base: dict[str, object] = {}
    merge(base, patch)
    patch["tasks"]["t"]["counts"]["RUNNING"] = 9
    patch["tasks"]["t"]["upstream"].append("b")
    assert base == {"tasks": {"t": {"counts": {"RUNNING": 1}, "upstream": ["a"]}}}


def test_errors_of_a_pause_can_be_taken_back():
    snapshot = empty_snapshot()
    apply_patch(snapshot, {"pauses": {"p": {"id": "p", "errors": {"n": "too big"}, "values": {"n": 9}}}})
    apply_patch(snapshot, {"pauses": {"p": {"errors": {}}}})
    assert snapshot["pauses"]["p"] == {"id": "p", "errors": {}, "values": {"n": 9}}


def test_a_task_called_errors_is_merged_like_any_other():
    snapshot = empty_snapshot()
    apply_patch(snapshot, {"tasks": {"errors": {"counts": {"RUNNING": 1}, "total": 1}}})
    apply_patch(snapshot, {"tasks": {"errors": {"counts": {"COMPLETED": 1}}}})
    assert snapshot["tasks"]["errors"] == {"counts": {"RUNNING": 1, "COMPLETED": 1}, "total": 1}


def test_appended_log_lines_push_out_the_oldest_and_are_counted():
    snapshot = empty_snapshot()
    lines = [{"text": str(n)} for n in range(LOG_LIMIT + 30)]
    for line in lines:
        apply_patch(snapshot, {"logs": {"append": [line]}})
    assert snapshot["logs"] == {"lines": lines[30:], "dropped": 30}


def test_pending_patches_joined_then_applied_are_the_patches_applied_one_by_one():
    patches = [
        {"logs": {"append": [{"text": "a"}]}},
        {"tasks": {"t": {"total": 1, "counts": {"RUNNING": 1}}}},
        {"logs": {"append": [{"text": "b"}]}, "pauses": {"p": {"errors": {"x": "no"}}}},
        {"logs": {"lines": [{"text": "c"}]}},
        {"logs": {"append": [{"text": "d"}]}, "pauses": {"p": {"errors": {}}}},
        {"tasks": {"t": {"counts": {"RUNNING": 0, "COMPLETED": 1}}}},
    ]
    one_by_one, pending, at_once = empty_snapshot(), {}, empty_snapshot()
    for patch in patches:
        apply_patch(one_by_one, patch)
        join_patches(pending, patch)
    apply_patch(at_once, pending)
    assert at_once == one_by_one
    assert [line["text"] for line in at_once["logs"]["lines"]] == ["c", "d"]
