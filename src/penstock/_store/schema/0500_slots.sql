-- Concurrency limits and who holds their slots. A limit's newest row counts; a lease lives until its end is a row.
CREATE TABLE raw.slot_limit (
    client VARCHAR NOT NULL, seq BIGINT NOT NULL, at_us BIGINT NOT NULL,
    id UUID NOT NULL, name VARCHAR NOT NULL, slots BIGINT NOT NULL, active BOOLEAN NOT NULL, decay DOUBLE NOT NULL,
    deleted BOOLEAN NOT NULL
);

-- What is taken without a lease, as it was at one moment; it falls by the limit's decay.
CREATE TABLE raw.slot_level (
    client VARCHAR NOT NULL, seq BIGINT NOT NULL, at_us BIGINT NOT NULL, limit_id UUID NOT NULL, level DOUBLE NOT NULL
);

-- One row a lease and limit. `owner` is the process that holds it, `seconds` is for those that are timed instead.
CREATE TABLE raw.lease (
    client VARCHAR NOT NULL, seq BIGINT NOT NULL, at_us BIGINT NOT NULL,
    id UUID NOT NULL, limit_id UUID NOT NULL, slots BIGINT NOT NULL, owner VARCHAR, holder_type VARCHAR,
    holder_id UUID, seconds DOUBLE, task_run_id UUID
);

CREATE TABLE raw.lease_ended (
    client VARCHAR NOT NULL, seq BIGINT NOT NULL, at_us BIGINT NOT NULL, id UUID NOT NULL, why VARCHAR NOT NULL
);
