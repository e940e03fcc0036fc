"""SDK section 53: events of a user's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from penstock import flow, task
from penstock.events import Event, RelatedResource, Resource, emit_event


def about(name="thing"):
    return {"prefect.resource.id": f"{name}.{uuid4()}"}


def test_an_event_reaches_the_store_as_it_was_emitted(rows):
    related = [{"prefect.resource.id": "user.1", "prefect.resource.role": "owner"}]
    made = emit_event("thing.done", about(), related=related, payload={"n": [1, {"a": None}]})
    (row,) = rows(f"SELECT name, resource_id, related, payload FROM raw.event WHERE id = '{made.id}'")
    assert (row["name"], row["resource_id"]) == ("thing.done", made.resource.id)
    assert '"user.1"' in row["related"]
    assert row["payload"] == '{"n":[1,{"a":null}]}'


def test_an_event_in_a_run_is_related_to_it():
    @task
    def work():
        return emit_event("thing.done", about())

    @flow(name="emits")
    def outer():
        return emit_event("thing.begun", about()), work()

    first, second = outer()
    assert [one.role for one in first.related] == ["flow-run", "flow"]
    assert [one.role for one in second.related] == ["flow-run", "flow", "task-run"]
    assert second.related[1].name == "emits"


BAD = [({"prefect.resource.name": "x"}, {}), (about(), {"related": [about()]}), ({}, {}), (None, {})]


@pytest.mark.parametrize(("resource", "more"), BAD)
def test_what_cannot_be_recorded_is_logged_never_raised(resource, more, caplog):
    """(c) 1: it must not fail the flow."""
    assert emit_event("thing.done", resource, **more) is None
    assert "could not be recorded" in caplog.text


def test_an_event_that_is_too_large_is_not_recorded(caplog):
    """(c) 2."""
    assert emit_event("thing.done", about(), payload={"text": "x" * 1_500_001}) is None
    assert "too large" in caplog.text


def test_follows_is_kept_within_five_minutes_in_either_direction():
    """(c) 4: further apart it is dropped in silence."""
    now = datetime.now(UTC)
    first = emit_event("a", about(), occurred=now)

    def followed(seconds):
        return emit_event("b", about(), occurred=now + timedelta(seconds=seconds), follows=first).follows

    assert [followed(s) for s in (0, 299, -299, 300, -301)] == [first.id, first.id, first.id, None, None]


def test_events_are_flushed_when_the_interpreter_exits(script, rows):
    """(c) 5."""
    name = f"thing.{uuid4()}"
    script(
        "import sys; from penstock.events import emit_event; emit_event(sys.argv[1], {'prefect.resource.id': 'x'})",
        name,
    )
    assert rows(f"SELECT count(*) AS n FROM raw.event WHERE name = '{name}'") == [{"n": 1}]


def test_resources_know_their_id_name_and_role():
    related = RelatedResource(
        {"prefect.resource.id": "a", "prefect.resource.role": "owner", "prefect.name": "Ann"}
    )
    event = Event(event="x", resource=Resource({"prefect.resource.id": "b"}), related=[related])
    assert (related.id, related.name, related.role) == ("a", "Ann", "owner")
    assert [one.id for one in event.involved_resources] == ["b", "a"]
    with pytest.raises(ValueError, match="role"):
        RelatedResource({"prefect.resource.id": "a"})
    with pytest.raises(ValueError, match="500"):
        Resource({"prefect.resource.id": "a", **{str(n): "" for n in range(500)}})


def test_an_emitted_event_stands_among_those_of_runs_in_the_events_view(rows):
    @flow(name="beside-an-event")
    def outer():
        return emit_event("thing.shown", about(), payload={"n": 1})

    made = outer()
    (shown,) = rows(f"SELECT * FROM events WHERE resource_id = '{made.resource.id}'")
    assert (shown["event"], shown["payload"]) == ("thing.shown", '{"n":1}')
    assert (shown["run_type"], shown["state_name"], shown["message"]) == (None, None, None)
    runs = rows("SELECT event FROM events WHERE resource_id IS NULL AND run_type = 'flow-run'")
    assert {"event": "flow-run.Completed"} in runs
