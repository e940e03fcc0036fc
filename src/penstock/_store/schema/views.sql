-- The public views. They are made anew at each start, so they always fit this version.
-- Times are TIMESTAMP in UTC. Order within a run is (at_us, seq): seq decides between states of one microsecond.

-- The newest rows come first in what is listed by the million: DuckDB then has the page of an ORDER BY … LIMIT after the
-- first of them and leaves out every older part of the table, whose newest row it knows. A UNION ALL is read in order.
CREATE OR REPLACE VIEW raw.task_state_newest_first AS
FROM raw.task_state WHERE rowid > (SELECT max(rowid) - 20000 FROM raw.task_state)
UNION ALL
FROM raw.task_state WHERE rowid <= (SELECT max(rowid) - 20000 FROM raw.task_state);

CREATE OR REPLACE VIEW raw.valid_task_state AS
SELECT s.* FROM raw.task_state_newest_first s ANTI JOIN raw.fence f ON f.task_run_id = s.task_run_id
UNION ALL
SELECT s.* FROM (SELECT s.* FROM raw.task_state s SEMI JOIN raw.fence f ON f.task_run_id = s.task_run_id) s
ASOF LEFT JOIN raw.fence f ON s.task_run_id = f.task_run_id AND s.at_us >= f.at_us
WHERE f.client IS NULL OR f.client = s.client;

CREATE OR REPLACE VIEW raw.flow_now AS
SELECT flow_run_id,
       arg_max({'id': id, 'type': type, 'name': name, 'message': message, 'details': details, 'at_us': at_us,
                'run_count': run_count}, (at_us, seq)) AS state,
       min(at_us) FILTER (type = 'RUNNING') AS start_us,
       arg_min(coalesce(scheduled_us, at_us), (at_us, seq)) AS planned_us,
       arg_max(coalesce(scheduled_us, at_us), (at_us, seq)) AS due_us,
       max(at_us) AS last_us,
       sum(left_us - at_us) FILTER (type = 'RUNNING') AS running_us
FROM (SELECT *, lead(at_us) OVER (PARTITION BY flow_run_id ORDER BY at_us, seq) AS left_us,
             CASE WHEN type = 'SCHEDULED'
                  THEN epoch_us(TRY_CAST(details->>'scheduled_time' AS TIMESTAMPTZ)) END AS scheduled_us
      FROM raw.flow_state)
WHERE flow_run_id NOT IN (SELECT id FROM raw.deleted)
GROUP BY flow_run_id;

-- Task runs that are not settled, from the log. `raw.settled` holds the same of those that have ended.
CREATE OR REPLACE VIEW raw.unsettled_state AS
WITH s AS (FROM raw.task_state WHERE task_run_id IN (SELECT task_run_id FROM raw.unsettled))
SELECT s.* FROM s WHERE task_run_id NOT IN (SELECT task_run_id FROM raw.fence)
UNION ALL
SELECT s.* FROM s
ASOF LEFT JOIN raw.fence f ON s.task_run_id = f.task_run_id AND s.at_us >= f.at_us
WHERE s.task_run_id IN (SELECT task_run_id FROM raw.fence)
  AND (f.client IS NULL OR f.client = s.client);

CREATE OR REPLACE VIEW raw.task_now AS
SELECT flow_run_id, task_run_id,
       arg_max({'id': id, 'type': type, 'name': name, 'message': message, 'details': details, 'at_us': at_us,
                'run_count': run_count}, (at_us, seq)) AS state,
       min(at_us) FILTER (type = 'RUNNING') AS start_us,
       max(run_count) AS run_count
FROM raw.unsettled_state GROUP BY flow_run_id, task_run_id;

CREATE OR REPLACE VIEW raw.task_run_now AS
SELECT r.id, coalesce(n.name, r.name) AS name, r.task_name, r.task_key, r.dynamic_key, r.flow_run_id,
       s.state.id AS state_id, s.state.type AS state_type, s.state.name AS state_name,
       s.state.message AS state_message, make_timestamp(s.state.at_us) AS state_timestamp,
       s.state.details AS state_details, make_timestamp(s.start_us) AS start_time,
       coalesce(s.run_count, 0) AS run_count, r.tags, r.inputs, r.runner, r.client,
       make_timestamp(r.at_us) AS created
FROM (FROM raw.task_run WHERE id IN (SELECT task_run_id FROM raw.unsettled)) r
LEFT JOIN raw.task_now s ON s.task_run_id = r.id AND s.flow_run_id IS NOT DISTINCT FROM r.flow_run_id
LEFT JOIN (SELECT id, arg_max(name, at_us) AS name FROM raw.renamed WHERE run = 'task' GROUP BY id) n
       ON n.id = r.id
WHERE r.id NOT IN (SELECT id FROM raw.deleted)
  AND (r.flow_run_id IS NULL OR r.flow_run_id NOT IN (SELECT id FROM raw.deleted));

-- The changes of an object that the views below show; `raw.changed` has all of them.
CREATE OR REPLACE VIEW raw.change AS
SELECT id,
       arg_max(value, (at_us, seq)) FILTER (field = 'tags') AS tags,
       arg_max(value, (at_us, seq)) FILTER (field = 'parameters') AS parameters,
       arg_max(value, (at_us, seq)) FILTER (field = 'flow_version') AS flow_version,
       max(at_us) AS at_us
FROM raw.changed GROUP BY id;

CREATE OR REPLACE VIEW flows AS
SELECT f.id, f.name, coalesce(from_json(c.tags, '["VARCHAR"]'), f.tags) AS tags, make_timestamp(f.at_us) AS created,
       make_timestamp(greatest(f.at_us, c.at_us)) AS updated
FROM (FROM raw.flow WHERE id NOT IN (SELECT id FROM raw.deleted)
      QUALIFY row_number() OVER (PARTITION BY name ORDER BY at_us, client, seq) = 1) f
LEFT JOIN raw.change c ON c.id = f.id;

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
       coalesce(from_json(c.tags, '["VARCHAR"]'), r.tags) AS tags,
       coalesce(c.parameters, r.parameters) AS parameters, r.runner,
       coalesce(c.flow_version->>'$', r.flow_version) AS flow_version,
       r.parent_task_run_id, r.deployment_id, r.idempotency_key,
       p.flow_run_id AS parent_flow_run_id,
       coalesce(o.owner, r.owner) AS client,
       make_timestamp(coalesce(s.planned_us, r.at_us)) AS expected_start_time,
       CASE WHEN s.state.type = 'SCHEDULED' THEN make_timestamp(s.due_us) END AS next_scheduled_start_time,
       make_timestamp(r.at_us) AS created,
       make_timestamp(greatest(r.at_us, s.last_us, c.at_us)) AS updated
FROM (FROM raw.flow_run WHERE id NOT IN (SELECT id FROM raw.deleted)
      QUALIFY row_number() OVER (PARTITION BY id ORDER BY at_us, client, seq) = 1) r
LEFT JOIN raw.flow_now s ON s.flow_run_id = r.id
LEFT JOIN raw.change c ON c.id = r.id
LEFT JOIN (SELECT flow_run_id, arg_max(owner, at_us) AS owner FROM raw.owner GROUP BY flow_run_id) o
       ON o.flow_run_id = r.id
LEFT JOIN (SELECT id, arg_max(name, at_us) AS name FROM raw.renamed WHERE run = 'flow' GROUP BY id) n
       ON n.id = r.id
LEFT JOIN (SELECT id, any_value(flow_run_id) AS flow_run_id FROM raw.task_run
           WHERE id IN (SELECT parent_task_run_id FROM raw.flow_run) GROUP BY id) p
       ON p.id = r.parent_task_run_id;

CREATE OR REPLACE VIEW raw.task_run_row AS
SELECT id, name, task_name, task_key, dynamic_key, flow_run_id, state_id, state_type, state_name, state_message,
       state_timestamp, state_details, start_time,
       CASE WHEN state_type IN ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED') THEN state_timestamp END AS end_time,
       CASE WHEN state_type IN ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED')
            THEN (epoch_us(state_timestamp) - epoch_us(start_time)) / 1e6 END AS duration,
       run_count, tags, inputs, runner, client, created AS expected_start_time, created,
       greatest(created, state_timestamp) AS updated
FROM raw.task_run_now
UNION ALL
SELECT id, name, task_name, task_key, dynamic_key, flow_run_id, state_id, state_type, state_name, state_message,
       state_timestamp, state_details, start_time,
       state_timestamp, (epoch_us(state_timestamp) - epoch_us(start_time)) / 1e6,
       run_count, tags, inputs, runner, client, created, created, greatest(created, state_timestamp)
FROM (FROM raw.settled WHERE rowid > (SELECT max(rowid) - 20000 FROM raw.settled)
      UNION ALL
      FROM raw.settled WHERE rowid <= (SELECT max(rowid) - 20000 FROM raw.settled));

-- `flow_name` costs 10 ms of a query over half a million task runs.
CREATE OR REPLACE VIEW task_runs AS
SELECT t.*, f.flow_name, t.inputs AS parameters
FROM raw.task_run_row t
LEFT JOIN (SELECT id, any_value(flow_name) AS flow_name FROM raw.flow_run GROUP BY id) f ON f.id = t.flow_run_id;

-- `event` is made here, before the two are put together: of a column with few values DuckDB then makes it once a value.
CREATE OR REPLACE VIEW raw.run_state AS
SELECT id, 'flow-run' AS run_type, flow_run_id AS run_id, flow_run_id, NULL::UUID AS task_run_id, type, name,
       message, details, run_count, make_timestamp(at_us) AS "timestamp", at_us, client, seq,
       'flow-run.' || name AS event
FROM raw.flow_state s ANTI JOIN raw.deleted d ON d.id = s.flow_run_id
UNION ALL
SELECT id, 'task-run', task_run_id, flow_run_id, task_run_id, type, name,
       message, details, run_count, make_timestamp(at_us), at_us, client, seq, 'task-run.' || name
FROM raw.valid_task_state s ANTI JOIN raw.deleted d ON d.id = s.task_run_id
     ANTI JOIN raw.deleted e ON e.id = s.flow_run_id;

CREATE OR REPLACE VIEW states AS SELECT * EXCLUDE (event) FROM raw.run_state;

CREATE OR REPLACE VIEW events AS
SELECT "timestamp" AS occurred, event, run_type, run_id, flow_run_id, task_run_id,
       id AS state_id, type AS state_type, name AS state_name, message, client, seq,
       NULL::VARCHAR AS resource_id, NULL::JSON AS payload
FROM raw.run_state
UNION ALL
SELECT make_timestamp(occurred_us), name, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, client, seq, resource_id, payload
FROM raw.event QUALIFY row_number() OVER (PARTITION BY id ORDER BY at_us, client, seq) = 1;

CREATE OR REPLACE VIEW logs AS
SELECT md5(client || ':' || seq)::UUID AS id, make_timestamp(at_us) AS "timestamp", level, logger AS name, message,
       flow_run_id, task_run_id, at_us, client, seq
FROM raw.log
WHERE (flow_run_id IS NULL OR flow_run_id NOT IN (SELECT id FROM raw.deleted))
  AND (task_run_id IS NULL OR task_run_id NOT IN (SELECT id FROM raw.deleted));

CREATE OR REPLACE VIEW artifacts AS
SELECT id, key, type, description, data, flow_run_id, task_run_id,
       make_timestamp(min(at_us) OVER (PARTITION BY id)) AS created, make_timestamp(at_us) AS updated
FROM raw.artifact WHERE id NOT IN (SELECT id FROM raw.deleted)
QUALIFY row_number() OVER (PARTITION BY id ORDER BY at_us DESC, seq DESC) = 1;

CREATE OR REPLACE VIEW edges AS
SELECT task_run_id, input_name, upstream_id, kind, flow_run_id FROM raw.edge;

-- Whether a task run found a result under its cache key, and why not. A run that was looked up again has several rows.
CREATE OR REPLACE VIEW cache_keys AS
SELECT k.task_run_id, r.task_name, k.key, k.outcome, k.reason, k.parts, k.flow_run_id, k.task_key,
       make_timestamp(k.at_us) AS "timestamp", k.at_us, k.client, k.seq
FROM raw.cache_key k
LEFT JOIN (SELECT id, any_value(task_name) AS task_name FROM raw.task_run GROUP BY id) r ON r.id = k.task_run_id
WHERE k.task_run_id NOT IN (SELECT id FROM raw.deleted)
  AND (k.flow_run_id IS NULL OR k.flow_run_id NOT IN (SELECT id FROM raw.deleted));

CREATE OR REPLACE VIEW inputs AS
SELECT flow_run_id, key, value, sender, make_timestamp(at_us) AS created FROM (
    FROM raw.input QUALIFY row_number() OVER (PARTITION BY flow_run_id, key ORDER BY at_us DESC, seq DESC) = 1
) WHERE NOT deleted AND flow_run_id NOT IN (SELECT id FROM raw.deleted);

CREATE OR REPLACE VIEW variables AS
SELECT id, name, value, tags, created, make_timestamp(at_us) AS updated FROM (
    SELECT *, make_timestamp(min(at_us) OVER (PARTITION BY id)) AS created FROM raw.variable
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY at_us DESC, seq DESC) = 1
) WHERE value IS NOT NULL;

CREATE OR REPLACE VIEW deployments AS
SELECT d.id, d.body->>'name' AS name, (d.body->>'flow_id')::UUID AS flow_id, f.name AS flow_name,
       from_json(d.body->'tags', '["VARCHAR"]') AS tags, (d.body->>'paused')::BOOLEAN AS paused,
       d.body->>'entrypoint' AS entrypoint, d.body->>'version' AS version,
       d.body->>'work_queue_name' AS work_queue_name, d.body->>'work_pool_name' AS work_pool_name, d.body,
       (d.body->>'created')::TIMESTAMP AS created, (d.body->>'updated')::TIMESTAMP AS updated
FROM (FROM raw.document WHERE what = 'deployment'
      QUALIFY row_number() OVER (PARTITION BY id ORDER BY at_us DESC, seq DESC) = 1 AND body IS NOT NULL) d
JOIN flows f ON f.id = (d.body->>'flow_id')::UUID;

CREATE OR REPLACE VIEW work_pools AS
SELECT id, body->>'name' AS name, body->>'type' AS type, body->>'description' AS description,
       (body->>'is_paused')::BOOLEAN AS is_paused, (body->>'concurrency_limit')::BIGINT AS concurrency_limit,
       body->'base_job_template' AS base_job_template,
       (body->>'created')::TIMESTAMP AS created, (body->>'updated')::TIMESTAMP AS updated
FROM (FROM raw.document WHERE what = 'work_pool'
      QUALIFY row_number() OVER (PARTITION BY id ORDER BY at_us DESC, seq DESC) = 1 AND body IS NOT NULL);

CREATE OR REPLACE VIEW work_queues AS
SELECT q.id, q.body->>'name' AS name, (q.body->>'work_pool_id')::UUID AS work_pool_id, p.name AS work_pool_name,
       (q.body->>'priority')::BIGINT AS priority, (q.body->>'is_paused')::BOOLEAN AS is_paused,
       (q.body->>'concurrency_limit')::BIGINT AS concurrency_limit,
       (q.body->>'created')::TIMESTAMP AS created, (q.body->>'updated')::TIMESTAMP AS updated
FROM (FROM raw.document WHERE what = 'work_queue'
      QUALIFY row_number() OVER (PARTITION BY id ORDER BY at_us DESC, seq DESC) = 1 AND body IS NOT NULL) q
JOIN work_pools p ON p.id = (q.body->>'work_pool_id')::UUID;

-- The newest artifact of each key.
CREATE OR REPLACE VIEW latest_artifacts AS
SELECT * FROM artifacts WHERE key IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY key ORDER BY created DESC, id DESC) = 1;

-- What `/api/events` shows: events that were sent, and one for every state of a run (with the state's id).
CREATE OR REPLACE VIEW raw.state_event AS
SELECT s.*, lag(s.id) OVER w AS before_id, lag(s.type) OVER w AS before_type, lag(s.name) OVER w AS before_name,
       lag(s.message) OVER w AS before_message
FROM states s WINDOW w AS (PARTITION BY run_type, run_id ORDER BY at_us, seq);

-- Slots that were taken and given back with a lease: one event a limit.
CREATE OR REPLACE VIEW raw.lease_event AS
SELECT md5(e.what || h.id || h.limit_id)::UUID AS id, 'prefect.concurrency-limit.' || e.what AS name,
       CASE e.what WHEN 'acquired' THEN h.at_us ELSE e.at_us END AS at_us,
       'prefect.concurrency-limit.' || h.limit_id AS resource_id,
       json_object('prefect.resource.id', 'prefect.concurrency-limit.' || h.limit_id,
                   'prefect.resource.name', l.name, 'slots-acquired', h.slots::VARCHAR,
                   'limit', l.slots::VARCHAR) AS resource,
       to_json(list_concat(
           list_transform(list_filter(o.limits, lambda one: one <> h.limit_id), lambda one: json_object(
               'prefect.resource.id', 'prefect.concurrency-limit.' || one,
               'prefect.resource.role', 'concurrency-limit')),
           CASE WHEN h.holder_id IS NOT NULL THEN [json_object(
               'prefect.resource.id', 'prefect.' || replace(h.holder_type, '_', '-') || '.' || h.holder_id,
               'prefect.resource.role', replace(h.holder_type, '_', '-'))] ELSE [] END)) AS related,
       CASE e.what WHEN 'released' THEN md5('acquired' || h.id || h.limit_id)::UUID END AS follows
FROM raw.lease h
JOIN (SELECT id, arg_max(name, (at_us, seq)) AS name, arg_max(slots, (at_us, seq)) AS slots FROM raw.slot_limit
      GROUP BY id) l ON l.id = h.limit_id
JOIN (SELECT id, list(limit_id) AS limits FROM raw.lease GROUP BY id) o ON o.id = h.id
JOIN (SELECT DISTINCT id, 'acquired' AS what, NULL AS at_us FROM raw.lease
      UNION ALL SELECT id, 'released', min(at_us) FROM raw.lease_ended GROUP BY id) e ON e.id = h.id;

CREATE OR REPLACE VIEW raw.all_event AS
SELECT id, name, occurred_us, at_us AS received_us, resource_id, resource, related, payload, follows,
       NULL::UUID AS run_id
FROM raw.event QUALIFY row_number() OVER (PARTITION BY id ORDER BY at_us, client, seq) = 1
UNION ALL
SELECT s.id, 'prefect.' || s.run_type || '.' || s.name, s.at_us, s.at_us,
       'prefect.' || s.run_type || '.' || s.run_id,
       json_object('prefect.resource.id', 'prefect.' || s.run_type || '.' || s.run_id,
                   'prefect.resource.name', coalesce(t.name, r.name, ''),
                   'prefect.run-count', s.run_count::VARCHAR,
                   'prefect.state-message', coalesce(s.message[:100000], ''), 'prefect.state-name', s.name,
                   'prefect.state-timestamp', strftime(s."timestamp", '%Y-%m-%dT%H:%M:%S.%fZ'),
                   'prefect.state-type', s.type),
       to_json(list_concat(
           CASE WHEN s.run_type = 'task-run' AND r.id IS NOT NULL THEN [json_object(
               'prefect.resource.id', 'prefect.flow-run.' || r.id, 'prefect.resource.role', 'flow-run',
               'prefect.resource.name', r.name)] ELSE [] END,
           CASE WHEN r.id IS NOT NULL THEN [json_object(
               'prefect.resource.id', 'prefect.flow.' || r.flow_id, 'prefect.resource.role', 'flow',
               'prefect.resource.name', r.flow_name)] ELSE [] END,
           list_transform(coalesce(t.tags, r.tags, []), lambda tag: json_object(
               'prefect.resource.id', 'prefect.tag.' || tag, 'prefect.resource.role', 'tag')))),
       json_object('intended', json_object('from', s.before_type, 'to', s.type),
                   'initial_state', CASE WHEN s.before_id IS NOT NULL THEN json_object(
                       'type', s.before_type, 'name', s.before_name, 'message', coalesce(s.before_message, '')) END,
                   'validated_state', json_object(
                       'type', s.type, 'name', s.name, 'message', coalesce(s.message[:100000], ''))),
       s.before_id, s.run_id
FROM raw.state_event s
LEFT JOIN runs r ON r.id = s.flow_run_id
LEFT JOIN raw.task_run_row t ON t.id = s.task_run_id
UNION ALL
SELECT id, name, at_us, at_us, resource_id, resource, related, json_object(), follows, NULL FROM raw.lease_event;

CREATE OR REPLACE VIEW raw.slot_limit_now AS
SELECT id, name, slots, active, decay, at_us, created_us FROM (
    SELECT *, min(at_us) OVER (PARTITION BY id) AS created_us FROM raw.slot_limit
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY at_us DESC, seq DESC) = 1
) WHERE NOT deleted;

-- Who holds slots now. A lease ends by name, or with the limit it is of.
CREATE OR REPLACE VIEW concurrency_limit_holders AS
SELECT l.name AS limit_name, h.limit_id, h.id AS lease_id, h.slots, h.holder_type, h.holder_id, h.owner AS client,
       h.task_run_id, make_timestamp(h.at_us) AS acquired
FROM (FROM raw.lease WHERE id NOT IN (SELECT id FROM raw.lease_ended)) h
JOIN raw.slot_limit_now l ON l.id = h.limit_id;

-- A level falls with time, so `active_slots` is that of the moment the view is read.
CREATE OR REPLACE VIEW concurrency_limits AS
SELECT l.id, l.name, l.slots AS "limit", l.active,
       (coalesce(h.slots, 0) + ceil(greatest(0, coalesce(v.level, 0) - l.decay
           * greatest(0, epoch_us(get_current_timestamp()) - v.at_us) / 1e6) - 1e-9))::BIGINT AS active_slots,
       l.decay AS slot_decay_per_second, make_timestamp(l.created_us) AS created, make_timestamp(l.at_us) AS updated
FROM raw.slot_limit_now l
LEFT JOIN (SELECT limit_id, sum(slots) AS slots FROM concurrency_limit_holders GROUP BY limit_id) h
       ON h.limit_id = l.id
LEFT JOIN (SELECT limit_id, arg_max(level, (at_us, seq)) AS level, max(at_us) AS at_us FROM raw.slot_level
           GROUP BY limit_id) v ON v.limit_id = l.id;
