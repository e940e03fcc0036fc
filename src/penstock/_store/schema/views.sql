-- The public views. They are made anew at each start, so they always fit this version.
-- Times are TIMESTAMP in UTC. Order within a run is (at_us, seq): seq decides between states of one microsecond.

CREATE OR REPLACE VIEW raw.valid_task_state AS
SELECT s.* FROM raw.task_state s
WHERE s.task_run_id NOT IN (SELECT task_run_id FROM raw.fence)
UNION ALL
SELECT s.* FROM raw.task_state s
ASOF LEFT JOIN raw.fence f ON s.task_run_id = f.task_run_id AND s.at_us >= f.at_us
WHERE s.task_run_id IN (SELECT task_run_id FROM raw.fence)
  AND (f.client IS NULL OR f.client = s.client);

CREATE OR REPLACE VIEW raw.flow_now AS
SELECT flow_run_id,
       arg_max({'id': id, 'type': type, 'name': name, 'message': message, 'details': details, 'at_us': at_us,
                'run_count': run_count}, (at_us, seq)) AS state,
       min(at_us) FILTER (type = 'RUNNING') AS start_us,
       min(at_us) AS first_us,
       max(at_us) AS last_us,
       sum(next_us - at_us) FILTER (type = 'RUNNING') AS running_us
FROM (SELECT *, lead(at_us) OVER (PARTITION BY flow_run_id ORDER BY at_us, seq) AS next_us FROM raw.flow_state)
GROUP BY flow_run_id;

CREATE OR REPLACE VIEW raw.task_now AS
SELECT flow_run_id, task_run_id,
       arg_max({'id': id, 'type': type, 'name': name, 'message': message, 'details': details, 'at_us': at_us,
                'run_count': run_count}, (at_us, seq)) AS state,
       min(at_us) FILTER (type = 'RUNNING') AS start_us,
       max(run_count) AS run_count
FROM raw.valid_task_state GROUP BY flow_run_id, task_run_id;

CREATE OR REPLACE VIEW flows AS
SELECT id, name, tags, make_timestamp(at_us) AS created
FROM raw.flow QUALIFY row_number() OVER (PARTITION BY name ORDER BY at_us, client, seq) = 1;

CREATE OR REPLACE VIEW runs AS
SELECT r.id,
       coalesce(n.name, r.name) AS name,
       r.flow_id, r.flow_name,
       s.state.id AS state_id, s.state.type AS state_type, s.state.name AS state_name,
       s.state.message AS state_message,
       make_timestamp(s.state.at_us) AS state_timestamp,
       s.state.details AS state_details,
       make_timestamp(s.start_us) AS start_time,
       CASE WHEN s.state.type IN ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED')
            THEN make_timestamp(s.state.at_us) END AS end_time,
       CASE WHEN s.state.type IN ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED')
            THEN (s.state.at_us - s.start_us) / 1e6 END AS duration,
       coalesce(s.running_us, 0) / 1e6 AS total_run_time,
       coalesce(s.state.run_count, 0) AS run_count,
       r.tags, r.parameters, r.runner, r.flow_version, r.parent_task_run_id, r.deployment_id, r.idempotency_key,
       p.flow_run_id AS parent_flow_run_id,
       coalesce(o.owner, r.owner) AS client,
       make_timestamp(coalesce(s.first_us, r.at_us)) AS expected_start_time,
       make_timestamp(r.at_us) AS created,
       make_timestamp(greatest(r.at_us, s.last_us)) AS updated
FROM (FROM raw.flow_run QUALIFY row_number() OVER (PARTITION BY id ORDER BY at_us, client, seq) = 1) r
LEFT JOIN raw.flow_now s ON s.flow_run_id = r.id
LEFT JOIN (SELECT flow_run_id, arg_max(owner, at_us) AS owner FROM raw.owner GROUP BY flow_run_id) o
       ON o.flow_run_id = r.id
LEFT JOIN (SELECT id, arg_max(name, at_us) AS name FROM raw.renamed WHERE run = 'flow' GROUP BY id) n
       ON n.id = r.id
LEFT JOIN (SELECT id, any_value(flow_run_id) AS flow_run_id FROM raw.task_run
           WHERE id IN (SELECT parent_task_run_id FROM raw.flow_run) GROUP BY id) p
       ON p.id = r.parent_task_run_id;

CREATE OR REPLACE VIEW task_runs AS
SELECT r.id,
       coalesce(n.name, r.name) AS name,
       r.task_name, r.task_key, r.dynamic_key, r.flow_run_id,
       s.state.id AS state_id, s.state.type AS state_type, s.state.name AS state_name,
       s.state.message AS state_message,
       make_timestamp(s.state.at_us) AS state_timestamp,
       s.state.details AS state_details,
       make_timestamp(s.start_us) AS start_time,
       CASE WHEN s.state.type IN ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED')
            THEN make_timestamp(s.state.at_us) END AS end_time,
       CASE WHEN s.state.type IN ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED')
            THEN (s.state.at_us - s.start_us) / 1e6 END AS duration,
       coalesce(s.run_count, 0) AS run_count,
       r.tags, r.inputs, r.runner, r.client,
       make_timestamp(r.at_us) AS expected_start_time,
       make_timestamp(r.at_us) AS created,
       make_timestamp(greatest(r.at_us, s.state.at_us)) AS updated
FROM raw.task_run r
LEFT JOIN raw.task_now s ON s.task_run_id = r.id AND s.flow_run_id IS NOT DISTINCT FROM r.flow_run_id
LEFT JOIN (SELECT id, arg_max(name, at_us) AS name FROM raw.renamed WHERE run = 'task' GROUP BY id) n
       ON n.id = r.id;

CREATE OR REPLACE VIEW states AS
SELECT id, 'flow-run' AS run_type, flow_run_id AS run_id, flow_run_id, NULL::UUID AS task_run_id, type, name,
       message, details, run_count, make_timestamp(at_us) AS "timestamp", at_us, client, seq
FROM raw.flow_state
UNION ALL
SELECT id, 'task-run', task_run_id, flow_run_id, task_run_id, type, name,
       message, details, run_count, make_timestamp(at_us), at_us, client, seq
FROM raw.valid_task_state;

CREATE OR REPLACE VIEW events AS
SELECT "timestamp" AS occurred, run_type || '.' || name AS event, run_type, run_id, flow_run_id, task_run_id,
       id AS state_id, type AS state_type, name AS state_name, message, client, seq
FROM states ORDER BY at_us, client, seq;

CREATE OR REPLACE VIEW logs AS
SELECT md5(client || ':' || seq)::UUID AS id, make_timestamp(at_us) AS "timestamp", level, logger AS name, message,
       flow_run_id, task_run_id, at_us, client, seq
FROM raw.log;

CREATE OR REPLACE VIEW artifacts AS
SELECT id, key, type, description, data, flow_run_id, task_run_id,
       make_timestamp(min(at_us) OVER (PARTITION BY id)) AS created, make_timestamp(at_us) AS updated
FROM raw.artifact
QUALIFY row_number() OVER (PARTITION BY id ORDER BY at_us DESC, seq DESC) = 1;

CREATE OR REPLACE VIEW edges AS
SELECT task_run_id, input_name, upstream_id, kind, flow_run_id FROM raw.edge;

CREATE OR REPLACE VIEW inputs AS
SELECT flow_run_id, key, value, sender, make_timestamp(at_us) AS created FROM (
    FROM raw.input QUALIFY row_number() OVER (PARTITION BY flow_run_id, key ORDER BY at_us DESC, seq DESC) = 1
) WHERE NOT deleted;

CREATE OR REPLACE VIEW variables AS
SELECT name, value, tags, make_timestamp(at_us) AS updated FROM (
    FROM raw.variable QUALIFY row_number() OVER (PARTITION BY name ORDER BY at_us DESC, seq DESC) = 1
) WHERE value IS NOT NULL;
