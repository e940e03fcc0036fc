-- Background tasks: who took which run; the newest row of a run counts, without a worker it waits for one.
CREATE TABLE raw.claim (
    client VARCHAR NOT NULL, seq BIGINT NOT NULL, at_us BIGINT NOT NULL,
    task_run_id UUID NOT NULL, task_key VARCHAR NOT NULL, worker VARCHAR
);

-- Deployments and other resources, each as one document; the newest row of an id counts, without a body it is gone.
CREATE TABLE raw.document (
    client VARCHAR NOT NULL, seq BIGINT NOT NULL, at_us BIGINT NOT NULL,
    what VARCHAR NOT NULL, id UUID NOT NULL, body JSON
);
