-- Under which lease a delivery has begun to run that was aborted before: the first abort counts for all that a node held,
-- each later one only for what had begun. So what only waits for its turn is not taken for what ends servers.
ALTER TABLE deliveries ADD COLUMN begun_token BIGINT;

DROP FUNCTION claim_deliveries;

-- Leases what is due to a node: one delivery of each app, then the second of each, and so on, as long as the node has no
-- more than `per_app_max` of the app, with those that it holds already. The last row holds nothing but when there is
-- something to claim next. One whose event is not there comes, too: it is set aside.
CREATE FUNCTION claim_deliveries(
    for_node TEXT, places BIGINT, per_app_max BIGINT, held_apps UUID[], held_counts BIGINT[], moment BIGINT,
    until BIGINT
) RETURNS TABLE (
    app_id UUID, id UUID, script_id UUID, token BIGINT, place BIGINT, origin TEXT, origin_id UUID, terms TEXT,
    since BIGINT, attempts BIGINT, faults BIGINT, aborts BIGINT, event_id UUID, topic TEXT, event_key TEXT,
    source TEXT, subject TEXT, happened_at BIGINT, extensions TEXT, content_type TEXT, root_id UUID, cause_id UUID,
    depth BIGINT, request TEXT, data BYTEA, next_due BIGINT
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
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

    RETURN QUERY
    WITH RECURSIVE present (app_id) AS (
        SELECT (SELECT d.app_id FROM deliveries AS d WHERE d.state = 'waiting' ORDER BY d.app_id LIMIT 1)
        UNION ALL
        SELECT (
            SELECT d.app_id FROM deliveries AS d WHERE d.state = 'waiting' AND d.app_id > present.app_id
            ORDER BY d.app_id LIMIT 1
        )
        FROM present WHERE present.app_id IS NOT NULL
    ),
    due AS (
        SELECT one.app_id, one.id, one.due_at,
            row_number() OVER (PARTITION BY one.app_id ORDER BY one.due_at, one.id) AS turn
        FROM present
            LEFT JOIN unnest(held_apps, held_counts) AS held (app_id, number) ON held.app_id = present.app_id
            CROSS JOIN LATERAL (
                SELECT d.app_id, d.id, d.due_at FROM deliveries AS d
                WHERE d.state = 'waiting' AND d.app_id = present.app_id AND d.due_at <= moment
                ORDER BY d.due_at, d.id
                LIMIT least(greatest(per_app_max - COALESCE(held.number, 0), 0), places) FOR UPDATE SKIP LOCKED
            ) AS one
        WHERE present.app_id IS NOT NULL AND COALESCE(held.number, 0) < per_app_max
    ),
    chosen AS (
        SELECT due.app_id, due.id, due.turn, due.due_at FROM due ORDER BY due.turn, due.due_at LIMIT places
    ),
    leased AS (
        UPDATE deliveries SET state = 'running', token = deliveries.token + 1, node = for_node, lease_until = until
        FROM chosen
        WHERE deliveries.app_id = chosen.app_id AND deliveries.id = chosen.id AND deliveries.state = 'waiting'
        RETURNING deliveries.*, chosen.turn
    )
    SELECT leased.app_id, leased.id, leased.script_id, leased.token, leased.place, leased.origin, leased.origin_id,
        leased.terms, leased.since, leased.attempts, leased.faults, leased.aborts, leased.event_id, leased.topic,
        leased.event_key, e.source, e.subject, e.happened_at, e.extensions, e.content_type, e.root_id, e.cause_id,
        e.depth, e.request, e.data, NULL::bigint
    FROM leased LEFT JOIN events AS e ON e.number = leased.event
    ORDER BY leased.turn, leased.due_at;

    RETURN QUERY
    WITH RECURSIVE present (app_id) AS (
        SELECT (SELECT d.app_id FROM deliveries AS d WHERE d.state = 'waiting' ORDER BY d.app_id LIMIT 1)
        UNION ALL
        SELECT (
            SELECT d.app_id FROM deliveries AS d WHERE d.state = 'waiting' AND d.app_id > present.app_id
            ORDER BY d.app_id LIMIT 1
        )
        FROM present WHERE present.app_id IS NOT NULL
    ),
    firsts AS (
        SELECT (
            SELECT d.due_at FROM deliveries AS d WHERE d.state = 'waiting' AND d.app_id = present.app_id
            ORDER BY d.due_at LIMIT 1
        ) AS moment
        FROM present
            LEFT JOIN unnest(held_apps, held_counts) AS held (app_id, number) ON held.app_id = present.app_id
        WHERE present.app_id IS NOT NULL AND COALESCE(held.number, 0) < per_app_max
        UNION ALL
        SELECT min(d.lease_until) FROM deliveries AS d WHERE d.state = 'running' AND d.node <> for_node
    )
    SELECT NULL::uuid, NULL::uuid, NULL::uuid, NULL::bigint, NULL::bigint, NULL::text, NULL::uuid, NULL::text,
        NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::uuid, NULL::text, NULL::text, NULL::text,
        NULL::text, NULL::bigint, NULL::text, NULL::text, NULL::uuid, NULL::uuid, NULL::bigint, NULL::text,
        NULL::bytea, min(firsts.moment)
    FROM firsts;
END
$$;

-- Takes the locks of all orders that a transaction changes: that in which a delivery stands, unless it is null, and those
-- that get events. Always in one order, so that no two wait for each other; who has them all takes none later.
CREATE FUNCTION lock_orders(app UUID, delivery UUID, new_events JSONB) RETURNS VOID LANGUAGE plpgsql
SET enable_seqscan = off AS $$
DECLARE
    lock_of_one RECORD;
BEGIN
    FOR lock_of_one IN
        SELECT lock_of_order(app, d.origin_id, d.event_key) AS number FROM deliveries AS d
        WHERE d.app_id = app AND d.id = delivery AND d.place IS NOT NULL
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

-- What a run's commit does beside its data, if `stale` is null: it ends the delivery that began the run, and publishes. If
-- no execution is named, the run goes on, and the delivery only has to be held up to the end of the commit. Gives `stale`.
CREATE OR REPLACE FUNCTION end_run(
    stale BYTEA, app UUID, moment BIGINT,
    delivery UUID, lease_token BIGINT, execution UUID, status BIGINT, result_type TEXT, result_is_cut BOOLEAN,
    result_body BYTEA,
    new_events JSONB, new_data BYTEA[], more_count BIGINT, more_bytes BIGINT, count_max BIGINT, bytes_max BIGINT
) RETURNS BYTEA LANGUAGE plpgsql AS $$
DECLARE
    stands RECORD;
BEGIN
    IF stale IS NOT NULL THEN
        RETURN stale;
    END IF;
    IF delivery IS NOT NULL OR new_events IS NOT NULL THEN
        PERFORM lock_orders(app, delivery, new_events);
    END IF;
    IF delivery IS NOT NULL AND execution IS NULL THEN
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

DROP FUNCTION fail_delivery;

-- Ends a lease because the run did not go well: it is due again at `retry_at`, or dead for a reason. Gives whether the
-- lease was not lost. `new_events` are published whatever waits; `told_events` only if there is room for all of them, and
-- else `not_told` is added to the error.
CREATE FUNCTION fail_delivery(
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
        PERFORM lock_orders(app, delivery, COALESCE(new_events, '[]') || COALESCE(told_events, '[]'));
    END IF;
    UPDATE deliveries SET state = CASE WHEN dead_reason IS NULL THEN 'waiting' ELSE 'dead' END,
        node = NULL, lease_until = NULL, due_at = COALESCE(retry_at, deliveries.due_at),
        ended_at = CASE WHEN dead_reason IS NULL THEN NULL ELSE moment END, reason = dead_reason,
        attempts = deliveries.attempts + attempt, faults = deliveries.faults + fault, error = what,
        execution_id = COALESCE(execution, deliveries.execution_id)
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
