-- Under which lease a delivery has begun to run that was aborted before: the first abort counts for all that a node held,
-- each later one only for what had begun. So what only waits for its turn is not taken for what ends servers.
ALTER TABLE deliveries ADD COLUMN begun_token BIGINT;

-- Leases what is due to a node: one delivery of each app, then the second of each, and so on. The last row holds nothing
-- but when there is something to claim next.
CREATE OR REPLACE FUNCTION claim_deliveries(
    for_node TEXT, places BIGINT, per_app_max BIGINT, without UUID[], moment BIGINT, until BIGINT
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
            CROSS JOIN LATERAL (
                SELECT d.app_id, d.id, d.due_at FROM deliveries AS d
                WHERE d.state = 'waiting' AND d.app_id = present.app_id AND d.due_at <= moment
                ORDER BY d.due_at, d.id LIMIT least(per_app_max, places) FOR UPDATE SKIP LOCKED
            ) AS one
        WHERE present.app_id IS NOT NULL AND present.app_id <> ALL (without)
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
    FROM leased JOIN events AS e ON e.number = leased.event
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
        FROM present WHERE present.app_id IS NOT NULL AND present.app_id <> ALL (without)
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
