

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
