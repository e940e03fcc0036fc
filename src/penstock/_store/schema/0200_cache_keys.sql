-- What became of the cache key of a task run, and why. `parts` has a hash (of a module: its version) by name.
CREATE TABLE raw.cache_key (
    client VARCHAR NOT NULL, seq BIGINT NOT NULL, at_us BIGINT NOT NULL,
    task_run_id UUID NOT NULL, flow_run_id UUID, task_key VARCHAR, key VARCHAR, outcome VARCHAR NOT NULL,
    reason VARCHAR, parts JSON NOT NULL
);
