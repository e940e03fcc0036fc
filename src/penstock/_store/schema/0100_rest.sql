-- What the REST API changes, deletes and records beside runs.
-- A change is one row a field: the newest row of a field counts.
CREATE TABLE raw.changed (
    client VARCHAR NOT NULL, seq BIGINT NOT NULL, at_us BIGINT NOT NULL,
    what VARCHAR NOT NULL, id UUID NOT NULL, field VARCHAR NOT NULL, value JSON NOT NULL
);

CREATE TABLE raw.deleted (
    client VARCHAR NOT NULL, seq BIGINT NOT NULL, at_us BIGINT NOT NULL, what VARCHAR NOT NULL, id UUID NOT NULL
);

CREATE TABLE raw.event (
    client VARCHAR NOT NULL, seq BIGINT NOT NULL, at_us BIGINT NOT NULL,
    id UUID NOT NULL, occurred_us BIGINT NOT NULL, name VARCHAR NOT NULL, resource_id VARCHAR NOT NULL,
    resource JSON NOT NULL, related JSON NOT NULL, payload JSON NOT NULL, follows UUID
);

ALTER TABLE raw.variable ADD COLUMN id UUID;
