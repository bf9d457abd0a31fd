-- Keys and values of apps, written by their scripts.
--
-- Keys are the bytes of a text, so that both databases sort them alike. `kind` is 0 for a JSON text and 1 for bytes.
-- Every writing of a key has a `version` of its own, by chance: a run that has read the key notices by it, at its
-- commit, that somebody has written meanwhile. What has expired is not there, whether it is removed yet or not.
CREATE TABLE kv (
    app_id UUID NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    key BYTEA NOT NULL,
    kind SMALLINT NOT NULL,
    value BYTEA NOT NULL,
    version BIGINT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (app_id, key)
);

CREATE INDEX kv_by_expiry ON kv (expires_at) WHERE expires_at IS NOT NULL;

-- The commit of a run, in one call: compares what the run has read with what is there, and writes if nothing has
-- changed. Gives null, or a key that has changed.
--
-- Commits of one app that touch the same key wait for each other, in the order of their locks, so that none of them
-- waits in a circle; others go side by side and share the flush of the log. One that has listed a range, or touches
-- many keys, has the app to itself. Each statement of the function sees what was committed before it: what is read
-- after the locks stays true until the end.
CREATE OR REPLACE FUNCTION commit_kv(
    app UUID, moment BIGINT,
    read_keys BYTEA[], read_versions BIGINT[],
    range_lows BYTEA[], range_highs BYTEA[], range_counts BIGINT[], range_marks BIGINT[],
    put_keys BYTEA[], put_kinds SMALLINT[], put_values BYTEA[], put_versions BIGINT[], put_expiries BIGINT[],
    deleted_keys BYTEA[]
) RETURNS BYTEA LANGUAGE plpgsql AS $$
DECLARE
    keys_locked_max CONSTANT INTEGER := 32;
    lock_of_app CONSTANT BIGINT := hashtextextended(app::text, 1);
    lock_of_key RECORD;
    stale BYTEA;
BEGIN
    IF cardinality(range_lows) > 0
        OR cardinality(read_keys) + cardinality(put_keys) + cardinality(deleted_keys) > keys_locked_max
    THEN
        PERFORM pg_advisory_xact_lock(lock_of_app);
    ELSE
        PERFORM pg_advisory_xact_lock_shared(lock_of_app);
        FOR lock_of_key IN
            SELECT hashtextextended(app::text || encode(touched.key, 'hex'), 2) AS number,
                bool_or(touched.written) AS written
            FROM (
                SELECT unnest(read_keys) AS key, FALSE AS written
                UNION ALL SELECT unnest(put_keys), TRUE
                UNION ALL SELECT unnest(deleted_keys), TRUE
            ) AS touched
            GROUP BY 1 ORDER BY 1
        LOOP
            IF lock_of_key.written THEN
                PERFORM pg_advisory_xact_lock(lock_of_key.number);
            ELSE
                PERFORM pg_advisory_xact_lock_shared(lock_of_key.number);
            END IF;
        END LOOP;
    END IF;

    SELECT been.key INTO stale
    FROM unnest(read_keys, read_versions) AS been (key, version)
        LEFT JOIN kv ON kv.app_id = app AND kv.key = been.key
            AND (kv.expires_at IS NULL OR kv.expires_at > moment)
    WHERE kv.version IS DISTINCT FROM been.version LIMIT 1;
    IF FOUND THEN
        RETURN stale;
    END IF;

    SELECT been.low INTO stale
    FROM unnest(range_lows, range_highs, range_counts, range_marks) AS been (low, high, count, mark)
        CROSS JOIN LATERAL (
            SELECT count(*) AS count, COALESCE(bit_xor(kv.version), 0) AS mark FROM kv
            WHERE kv.app_id = app AND kv.key >= been.low AND kv.key < been.high
                AND (kv.expires_at IS NULL OR kv.expires_at > moment)
        ) AS present
    WHERE present.count <> been.count OR present.mark <> been.mark LIMIT 1;
    IF FOUND THEN
        RETURN stale;
    END IF;

    DELETE FROM kv WHERE kv.app_id = app AND kv.key = ANY (deleted_keys);
    INSERT INTO kv (app_id, key, kind, value, version, expires_at)
    SELECT app, put.key, put.kind, put.value, put.version, put.expires_at
    FROM unnest(put_keys, put_kinds, put_values, put_versions, put_expiries)
        AS put (key, kind, value, version, expires_at)
    ON CONFLICT (app_id, key) DO UPDATE SET kind = excluded.kind, value = excluded.value,
        version = excluded.version, expires_at = excluded.expires_at;
    RETURN NULL;
END
$$;
