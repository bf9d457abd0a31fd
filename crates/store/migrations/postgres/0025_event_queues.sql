-- What waits for one subscription, for one schedule, or for a script directly, is a queue: the queues of an app take turns
-- and have bounds of their own. `batch` is the first of the deliveries that one run is for, while that has several, and
-- `batch_execution_id` that run: afterwards each of them runs alone.
ALTER TABLE deliveries ADD COLUMN queue UUID GENERATED ALWAYS AS (COALESCE(origin_id, script_id)) STORED;
ALTER TABLE deliveries ADD COLUMN batch UUID;
ALTER TABLE deliveries ADD COLUMN batch_execution_id UUID;

-- What is due, by queue, so that nothing is looked at of a queue that may not have more.
DROP INDEX deliveries_due;
CREATE INDEX deliveries_in_queue ON deliveries (app_id, queue, due_at, id) WHERE state = 'waiting';

-- For how many events a run was, if it was for any.
ALTER TABLE executions ADD COLUMN events BIGINT;

-- The queues where something waits, each found by one descent in the index, when the first in it is due, how many more runs
-- of it a node may hold, and how many its app may have in all. See `Claim` for what the numbers mean.
CREATE FUNCTION waiting_queues(
    per_app_max BIGINT, share BIGINT, held_apps UUID[], held_counts BIGINT[], held_queues UUID[],
    held_in_queues BIGINT[], full_scripts UUID[], limited_queues UUID[], limits BIGINT[], batch_queues UUID[],
    batch_events BIGINT[], batch_waits BIGINT[]
) RETURNS TABLE (
    app_id UUID, queue UUID, first_due BIGINT, free BIGINT, room BIGINT, events_max BIGINT, wait BIGINT
) LANGUAGE plpgsql STABLE ROWS 20 SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH RECURSIVE present AS (
        (
            SELECT d.app_id, d.queue, d.due_at, d.script_id FROM deliveries AS d WHERE d.state = 'waiting'
            ORDER BY d.app_id, d.queue, d.due_at, d.id LIMIT 1
        )
        UNION ALL
        SELECT following.app_id, following.queue, following.due_at, following.script_id
        FROM present CROSS JOIN LATERAL (
            SELECT d.app_id, d.queue, d.due_at, d.script_id FROM deliveries AS d
            WHERE d.state = 'waiting' AND (d.app_id, d.queue) > (present.app_id, present.queue)
            ORDER BY d.app_id, d.queue, d.due_at, d.id LIMIT 1
        ) AS following
    ),
    running AS (
        SELECT d.queue, count(DISTINCT COALESCE(d.batch, d.id)) AS number FROM deliveries AS d
        WHERE cardinality(limited_queues) > 0 AND d.state = 'running' AND d.queue = ANY (limited_queues)
        GROUP BY d.queue
    )
    SELECT present.app_id, present.queue, present.due_at, app.free,
        CASE WHEN present.script_id = ANY (full_scripts) THEN 0 ELSE
            greatest(0, least(
                app.free,
                (greatest(share * app.free - COALESCE(inside.number, 0), 0) + share) / (share + 1),
                limited.runs_max - COALESCE(running.number, 0)
            ))
        END,
        COALESCE(batched.events_max, 1), COALESCE(batched.wait, 0)
    FROM present
        LEFT JOIN unnest(held_apps, held_counts) AS held (app_id, number) ON held.app_id = present.app_id
        CROSS JOIN LATERAL (SELECT greatest(per_app_max - COALESCE(held.number, 0), 0) AS free) AS app
        LEFT JOIN unnest(held_queues, held_in_queues) AS inside (queue, number) ON inside.queue = present.queue
        LEFT JOIN unnest(limited_queues, limits) AS limited (queue, runs_max) ON limited.queue = present.queue
        LEFT JOIN running ON running.queue = present.queue
        LEFT JOIN unnest(batch_queues, batch_events, batch_waits) AS batched (queue, events_max, wait)
            ON batched.queue = present.queue;
END
$$;

-- Whether a batch of what is due in a queue would get no larger by waiting: it has all that it may have, or the next one
-- does not fit or has to run alone.
CREATE FUNCTION is_full_batch(of_app UUID, of_queue UUID, events_max BIGINT, bytes_max BIGINT, moment BIGINT)
RETURNS BOOLEAN LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
    RETURN (
        SELECT count(*) = events_max OR bool_or(due.alone) OR sum(due.bytes) > bytes_max
        FROM (
            SELECT d.bytes, d.attempts + d.aborts > 0 OR d.execution_id IS NOT NULL AS alone FROM deliveries AS d
            WHERE d.state = 'waiting' AND d.app_id = of_app AND d.queue = of_queue AND d.due_at <= moment
            ORDER BY d.due_at, d.id LIMIT events_max
        ) AS due
    );
END
$$;

DROP FUNCTION claim_deliveries;

-- Leases what is due to a node: one run of each app, then the second of each, and so on; within an app its queues take
-- turns. A run is for one delivery, or for a batch of them: then `batch` is the first of these. The last row holds nothing
-- but when there is something to claim next, and whether something is due that was left out. One whose event is not there
-- comes, too: it is set aside.
CREATE FUNCTION claim_deliveries(
    for_node TEXT, places BIGINT, per_app_max BIGINT, share BIGINT, held_apps UUID[], held_counts BIGINT[],
    held_queues UUID[], held_in_queues BIGINT[], full_scripts UUID[], limited_apps UUID[], limited_queues UUID[],
    limits BIGINT[], batch_queues UUID[], batch_events BIGINT[], batch_waits BIGINT[], batch_bytes_max BIGINT,
    moment BIGINT, until BIGINT
) RETURNS TABLE (
    app_id UUID, id UUID, script_id UUID, token BIGINT, place BIGINT, origin TEXT, origin_id UUID, terms TEXT,
    since BIGINT, attempts BIGINT, faults BIGINT, aborts BIGINT, batch UUID, ran_only_in_batch BOOLEAN, event_id UUID,
    topic TEXT, event_key TEXT, source TEXT, subject TEXT, happened_at BIGINT, extensions TEXT, content_type TEXT,
    root_id UUID, cause_id UUID, depth BIGINT, request TEXT, data BYTEA, next_due BIGINT, has_more BOOLEAN
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    lock_of_one RECORD;
    locked UUID[] := '{}';
BEGIN
    UPDATE deliveries SET state = 'waiting', node = NULL, lease_until = NULL, due_at = moment,
        aborts = deliveries.aborts
            + CASE WHEN deliveries.aborts = 0 OR deliveries.begun_token = deliveries.token THEN 1 ELSE 0 END
    FROM (
        SELECT expired.app_id, expired.id FROM deliveries AS expired
        WHERE expired.state = 'running' AND expired.lease_until <= moment AND expired.node <> for_node
        FOR UPDATE SKIP LOCKED
    ) AS expired
    WHERE deliveries.app_id = expired.app_id AND deliveries.id = expired.id;

    -- Whoever counts the runs of a queue has it alone, so that it is exact on all nodes.
    FOR lock_of_one IN
        SELECT hashtextextended(limited.queue::text, 25) AS number, limited.queue
        FROM unnest(limited_apps, limited_queues) AS limited (app_id, queue)
        WHERE EXISTS (
            SELECT 1 FROM deliveries AS d
            WHERE d.state = 'waiting' AND d.app_id = limited.app_id AND d.queue = limited.queue AND d.due_at <= moment
        )
        ORDER BY 1
    LOOP
        PERFORM pg_advisory_xact_lock(lock_of_one.number);
        locked := array_append(locked, lock_of_one.queue);
    END LOOP;

    RETURN QUERY
    WITH queues AS MATERIALIZED (
        SELECT q.* FROM waiting_queues(
            per_app_max, share, held_apps, held_counts, held_queues, held_in_queues, full_scripts, limited_queues,
            limits, batch_queues, batch_events, batch_waits
        ) AS q
        -- In another limited queue something may be due by now: it is had next time, with the lock.
        WHERE q.room > 0 AND q.first_due <= moment
            AND (q.queue <> ALL (limited_queues) OR q.queue = ANY (locked))
    ),
    singles AS (
        SELECT q.app_id, q.free, one.id, one.due_at,
            row_number() OVER (PARTITION BY q.app_id, q.queue ORDER BY one.due_at, one.id) AS turn
        FROM queues AS q
            CROSS JOIN LATERAL (
                SELECT d.id, d.due_at FROM deliveries AS d
                WHERE d.state = 'waiting' AND d.app_id = q.app_id AND d.queue = q.queue AND d.due_at <= moment
                ORDER BY d.due_at, d.id LIMIT least(q.room, places) FOR UPDATE SKIP LOCKED
            ) AS one
        WHERE q.events_max = 1
    ),
    due AS (
        SELECT q.app_id, q.queue, q.free, q.room, q.events_max, q.wait, one.id, one.due_at,
            row_number() OVER in_queue AS turn,
            sum(one.bytes) OVER in_queue AS bytes_so_far,
            first_value(one.id) OVER in_queue AS first_id,
            first_value(one.due_at) OVER in_queue AS first_due_at,
            NOT first_value(one.alone) OVER in_queue AS is_batch,
            bool_or(one.alone) OVER in_queue AS any_alone,
            bool_and(one.alone) OVER in_queue AS all_alone,
            count(*) OVER (PARTITION BY q.app_id, q.queue) AS fetched
        FROM queues AS q
            CROSS JOIN LATERAL (
                SELECT d.id, d.due_at, d.bytes,
                    d.attempts + d.aborts > 0 OR d.execution_id IS NOT NULL AS alone
                FROM deliveries AS d
                WHERE d.state = 'waiting' AND d.app_id = q.app_id AND d.queue = q.queue AND d.due_at <= moment
                ORDER BY d.due_at, d.id LIMIT q.events_max FOR UPDATE SKIP LOCKED
            ) AS one
        WHERE q.events_max > 1
        WINDOW in_queue AS (PARTITION BY q.app_id, q.queue ORDER BY one.due_at, one.id)
    ),
    members AS (
        SELECT due.*, count(*) OVER (PARTITION BY due.app_id, due.queue) AS taken,
            CASE WHEN due.is_batch THEN due.first_id ELSE due.id END AS run
        FROM due
        WHERE CASE
            WHEN due.is_batch THEN NOT due.any_alone AND (due.turn = 1 OR due.bytes_so_far <= batch_bytes_max)
            ELSE due.all_alone
        END
    ),
    runs AS (
        SELECT s.app_id, s.id AS run, s.free, s.turn AS run_turn, s.due_at AS run_due FROM singles AS s
        UNION ALL
        -- The first of a batch stands for all of it.
        SELECT m.app_id, m.run, m.free, m.turn, m.due_at FROM members AS m
        WHERE m.run = m.id AND m.turn <= m.room AND (
            NOT m.is_batch OR m.taken = m.events_max OR m.taken < m.fetched OR m.first_due_at + m.wait <= moment
        )
    ),
    turns AS (
        SELECT runs.app_id, runs.run, runs.free, runs.run_due,
            row_number() OVER (PARTITION BY runs.app_id ORDER BY runs.run_turn, runs.run_due, runs.run) AS app_turn
        FROM runs
    ),
    chosen AS (
        SELECT turns.app_id, turns.run, turns.run_due, turns.app_turn FROM turns WHERE turns.app_turn <= turns.free
        ORDER BY turns.app_turn, turns.run_due LIMIT places
    ),
    wanted AS (
        SELECT chosen.app_id, COALESCE(m.id, chosen.run) AS id, chosen.app_turn, chosen.run_due, m.turn,
            CASE WHEN m.is_batch AND m.taken > 1 THEN m.run END AS batch
        FROM chosen LEFT JOIN members AS m ON m.app_id = chosen.app_id AND m.run = chosen.run
    ),
    leased AS (
        UPDATE deliveries SET state = 'running', token = deliveries.token + 1, node = for_node, lease_until = until,
            batch = wanted.batch
        FROM wanted
        WHERE deliveries.app_id = wanted.app_id AND deliveries.id = wanted.id AND deliveries.state = 'waiting'
        RETURNING deliveries.*, wanted.app_turn, wanted.run_due, wanted.turn
    )
    SELECT leased.app_id, leased.id, leased.script_id, leased.token, leased.place, leased.origin, leased.origin_id,
        leased.terms, leased.since, leased.attempts, leased.faults, leased.aborts, leased.batch,
        COALESCE(leased.attempts = 1 AND leased.batch_execution_id = leased.execution_id, FALSE), leased.event_id,
        leased.topic, leased.event_key, e.source, e.subject, e.happened_at, e.extensions, e.content_type, e.root_id,
        e.cause_id, e.depth, e.request, e.data, NULL::bigint, NULL::boolean
    FROM leased LEFT JOIN events AS e ON e.number = leased.event
    ORDER BY leased.app_turn, leased.run_due, COALESCE(leased.batch, leased.id), leased.turn;

    RETURN QUERY
    WITH queues AS MATERIALIZED (
        SELECT q.* FROM waiting_queues(
            per_app_max, share, held_apps, held_counts, held_queues, held_in_queues, full_scripts, limited_queues,
            limits, batch_queues, batch_events, batch_waits
        ) AS q
    ),
    nexts AS (
        SELECT CASE
            WHEN q.wait > 0 AND q.first_due <= moment
                AND NOT is_full_batch(q.app_id, q.queue, q.events_max, batch_bytes_max, moment)
            THEN q.first_due + q.wait
            ELSE q.first_due
        END AS moment
        -- By the time that something is due there may be room.
        FROM queues AS q WHERE q.room > 0 OR q.first_due > moment
        UNION ALL
        SELECT min(d.lease_until) FROM deliveries AS d WHERE d.state = 'running' AND d.node <> for_node
    )
    SELECT NULL::uuid, NULL::uuid, NULL::uuid, NULL::bigint, NULL::bigint, NULL::text, NULL::uuid, NULL::text,
        NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::uuid, NULL::boolean, NULL::uuid, NULL::text,
        NULL::text, NULL::text, NULL::text, NULL::bigint, NULL::text, NULL::text, NULL::uuid, NULL::uuid, NULL::bigint,
        NULL::text, NULL::bytea, (SELECT min(nexts.moment) FROM nexts),
        EXISTS (SELECT 1 FROM queues AS q WHERE q.room = 0 AND q.first_due <= moment);
END
$$;

DROP FUNCTION lock_orders;

-- Takes the locks of all orders that a transaction changes: those in which deliveries stand, unless there are none, and
-- those that get events. Always in one order, so that no two wait for each other; who has them all takes none later.
CREATE FUNCTION lock_orders(app UUID, held UUID[], new_events JSONB) RETURNS VOID LANGUAGE plpgsql
SET enable_seqscan = off AS $$
DECLARE
    lock_of_one RECORD;
BEGIN
    FOR lock_of_one IN
        SELECT lock_of_order(app, d.origin_id, d.event_key) AS number FROM deliveries AS d
        WHERE d.app_id = app AND d.id = ANY (held) AND d.place IS NOT NULL
        UNION
        SELECT lock_of_order(app, (made ->> 'origin_id')::uuid, made ->> 'event_key')
        FROM jsonb_array_elements(new_events) AS event
            CROSS JOIN jsonb_array_elements(event -> 'deliveries') AS made
        WHERE (made ->> 'is_ordered')::boolean
        ORDER BY 1
    LOOP
        PERFORM pg_advisory_xact_lock(lock_of_one.number);
    END LOOP;
END
$$;

-- Ends the deliveries of a run for several, all of them or none. If no execution is named, they only have to be held.
CREATE FUNCTION end_batch(app UUID, moment BIGINT, held UUID[], lease_tokens BIGINT[], execution UUID) RETURNS VOID
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    locked BIGINT;
    stands RECORD;
BEGIN
    -- In one order, so that no two wait for each other.
    SELECT count(*) INTO locked FROM (
        SELECT d.id FROM deliveries AS d
            JOIN unnest(held, lease_tokens) AS one (id, token) ON one.id = d.id AND one.token = d.token
        WHERE d.app_id = app AND d.state = 'running'
        ORDER BY d.app_id, d.id FOR UPDATE OF d
    ) AS one;
    IF locked <> cardinality(held) THEN
        RAISE EXCEPTION 'a lease is lost' USING ERRCODE = 'PC004';
    END IF;
    IF execution IS NULL THEN
        RETURN;
    END IF;
    UPDATE deliveries SET state = 'done', node = NULL, lease_until = NULL, error = NULL, ended_at = moment,
        execution_id = execution, batch_execution_id = execution, response_status = NULL
    WHERE deliveries.app_id = app AND deliveries.id = ANY (held);
    FOR stands IN
        SELECT DISTINCT d.origin_id, d.event_key FROM deliveries AS d
        WHERE d.app_id = app AND d.id = ANY (held) AND d.place IS NOT NULL
    LOOP
        PERFORM let_next_run(app, stands.origin_id, stands.event_key);
    END LOOP;
END
$$;

DROP FUNCTION end_run;

-- What a run's commit does beside its data, if `stale` is null: it ends the deliveries that began the run, and publishes.
-- If no execution is named, the run goes on, and they only have to be held up to the end of the commit. Of a run for one
-- the answer is kept, if there is one. Gives `stale`.
CREATE FUNCTION end_run(
    stale BYTEA, app UUID, moment BIGINT,
    held UUID[], lease_tokens BIGINT[], execution UUID, status BIGINT, result_type TEXT, result_is_cut BOOLEAN,
    result_body BYTEA,
    new_events JSONB, new_data BYTEA[], more_count BIGINT, more_bytes BIGINT, count_max BIGINT, bytes_max BIGINT
) RETURNS BYTEA LANGUAGE plpgsql AS $$
DECLARE
    delivery CONSTANT UUID := held[1];
    lease_token CONSTANT BIGINT := lease_tokens[1];
    stands RECORD;
BEGIN
    IF stale IS NOT NULL THEN
        RETURN stale;
    END IF;
    IF held IS NOT NULL OR new_events IS NOT NULL THEN
        PERFORM lock_orders(app, held, new_events);
    END IF;
    IF cardinality(held) > 1 THEN
        PERFORM end_batch(app, moment, held, lease_tokens, execution);
    ELSIF delivery IS NOT NULL AND execution IS NULL THEN
        PERFORM 1 FROM deliveries AS d
        WHERE d.app_id = app AND d.id = delivery AND d.token = lease_token AND d.state = 'running' FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the lease is lost' USING ERRCODE = 'PC004';
        END IF;
    ELSIF delivery IS NOT NULL THEN
        SELECT d.origin_id, d.event_key, d.place INTO stands FROM deliveries AS d
        WHERE d.app_id = app AND d.id = delivery;
        UPDATE deliveries SET state = 'done', node = NULL, lease_until = NULL, error = NULL, ended_at = moment,
            execution_id = execution, response_status = status,
            bytes = deliveries.bytes + COALESCE(octet_length(result_body), 0)
        WHERE deliveries.app_id = app AND deliveries.id = delivery AND deliveries.token = lease_token
            AND deliveries.state = 'running';
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the lease is lost' USING ERRCODE = 'PC004';
        END IF;
        IF result_body IS NOT NULL THEN
            INSERT INTO delivery_results (app_id, delivery_id, content_type, is_cut, body)
            VALUES (app, delivery, result_type, result_is_cut, result_body)
            ON CONFLICT (app_id, delivery_id) DO UPDATE SET content_type = excluded.content_type,
                is_cut = excluded.is_cut, body = excluded.body;
        END IF;
        IF stands.place IS NOT NULL THEN
            PERFORM let_next_run(app, stands.origin_id, stands.event_key);
        END IF;
    END IF;
    IF new_events IS NOT NULL THEN
        PERFORM publish_events(app, moment, new_events, new_data, more_count, more_bytes, count_max, bytes_max);
    END IF;
    RETURN NULL;
END
$$;

-- Ends a lease because the run did not go well, also one that was for several: it is due again at `retry_at`, or dead for a reason. Gives whether the
-- lease was not lost. `new_events` are published whatever waits; `told_events` only if there is room for all of them, and
-- else `not_told` is added to the error.
CREATE OR REPLACE FUNCTION fail_delivery(
    app UUID, delivery UUID, lease_token BIGINT, moment BIGINT, retry_at BIGINT, dead_reason TEXT,
    attempt BIGINT, fault BIGINT, what TEXT, execution UUID,
    new_events JSONB, new_data BYTEA[], more_count BIGINT, more_bytes BIGINT,
    told_events JSONB, told_data BYTEA[], told_count BIGINT, told_bytes BIGINT, count_max BIGINT, bytes_max BIGINT,
    not_told TEXT, OUT was_held BOOLEAN, OUT was_told BOOLEAN
) LANGUAGE plpgsql AS $$
DECLARE
    stands RECORD;
BEGIN
    was_told := TRUE;
    SELECT d.origin_id, d.event_key, d.place INTO stands FROM deliveries AS d
    WHERE d.app_id = app AND d.id = delivery;
    IF dead_reason IS NOT NULL OR more_count + told_count > 0 THEN
        PERFORM lock_orders(app, ARRAY[delivery], COALESCE(new_events, '[]') || COALESCE(told_events, '[]'));
    END IF;
    UPDATE deliveries SET state = CASE WHEN dead_reason IS NULL THEN 'waiting' ELSE 'dead' END,
        node = NULL, lease_until = NULL, due_at = COALESCE(retry_at, deliveries.due_at),
        ended_at = CASE WHEN dead_reason IS NULL THEN NULL ELSE moment END, reason = dead_reason,
        attempts = deliveries.attempts + attempt, faults = deliveries.faults + fault, error = what,
        execution_id = COALESCE(execution, deliveries.execution_id),
        batch_execution_id = CASE
            WHEN deliveries.batch IS NULL THEN deliveries.batch_execution_id
            ELSE COALESCE(execution, deliveries.batch_execution_id)
        END
    WHERE deliveries.app_id = app AND deliveries.id = delivery AND deliveries.token = lease_token
        AND deliveries.state = 'running';
    was_held := FOUND;
    IF NOT was_held THEN
        RETURN;
    END IF;
    IF stands.place IS NOT NULL AND dead_reason IS NOT NULL THEN
        PERFORM let_next_run(app, stands.origin_id, stands.event_key);
    END IF;
    -- If the app is gone, nobody is to be told.
    IF NOT EXISTS (SELECT 1 FROM apps WHERE apps.id = app) THEN
        RETURN;
    END IF;
    IF more_count > 0 THEN
        PERFORM publish_events(app, moment, new_events, new_data, more_count, more_bytes, NULL, NULL);
    END IF;
    IF told_count > 0 THEN
        BEGIN
            PERFORM publish_events(
                app, moment, told_events, told_data, told_count, told_bytes, count_max, bytes_max
            );
        EXCEPTION WHEN SQLSTATE 'PC003' THEN
            was_told := FALSE;
            UPDATE deliveries SET error = deliveries.error || not_told
            WHERE deliveries.app_id = app AND deliveries.id = delivery;
        END;
    END IF;
END
$$;
