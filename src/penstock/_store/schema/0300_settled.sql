-- Task runs that have ended, as the view `task_runs` shows them, so that a million of them can be listed quickly.
-- Derived from the log (`raw.task_run_now` makes such rows). Whatever is said about a task run later takes its row
-- out and puts its id into `raw.unsettled`, in the same transaction: the two never hold the same task run.
CREATE TABLE raw.settled (
    id UUID NOT NULL, name VARCHAR, task_name VARCHAR, task_key VARCHAR, dynamic_key VARCHAR, flow_run_id UUID,
    state_id UUID, state_type VARCHAR, state_name VARCHAR, state_message VARCHAR, state_timestamp TIMESTAMP,
    state_details JSON, start_time TIMESTAMP, run_count BIGINT, tags VARCHAR[] NOT NULL, inputs JSON, runner VARCHAR,
    client VARCHAR NOT NULL, created TIMESTAMP NOT NULL
);

CREATE TABLE raw.unsettled (task_run_id UUID NOT NULL);

INSERT INTO raw.unsettled SELECT id FROM raw.task_run UNION SELECT task_run_id FROM raw.task_state;
