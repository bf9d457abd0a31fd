-- How much each app keeps, and how much it may keep.
--
-- Triggers count, so that nothing that is written or removed by any statement is missed: the sums of an app's rows are
-- exact at every moment. Bytes are those of keys and values. Each session of the database counts in one of several rows
-- per app, so that commits of one app do not wait for each other; one row alone may be below zero.
CREATE TABLE app_usage (
    app_id UUID NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    shard SMALLINT NOT NULL,
    kv_bytes BIGINT NOT NULL DEFAULT 0,
    kv_rows BIGINT NOT NULL DEFAULT 0,
    docs_bytes BIGINT NOT NULL DEFAULT 0,
    docs_rows BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (app_id, shard)
) WITH (fillfactor = 50);

-- Quotas that are not the default. An absent row, and null, are the default.
CREATE TABLE app_quotas (
    app_id UUID PRIMARY KEY REFERENCES apps (id) ON DELETE CASCADE,
    data_bytes_max BIGINT,
    data_rows_max BIGINT
);

-- Which rows this session counts in.
CREATE FUNCTION usage_shard() RETURNS SMALLINT LANGUAGE sql AS 'SELECT (pg_backend_pid() % 16)::smallint';

CREATE FUNCTION kv_inserted() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app_usage (app_id, shard, kv_bytes, kv_rows)
    SELECT added.app_id, usage_shard(), sum(octet_length(added.key) + octet_length(added.value)), count(*)
    FROM added GROUP BY added.app_id ORDER BY added.app_id
    ON CONFLICT (app_id, shard) DO UPDATE
    SET kv_bytes = app_usage.kv_bytes + excluded.kv_bytes, kv_rows = app_usage.kv_rows + excluded.kv_rows;
    RETURN NULL;
END
$$;

CREATE FUNCTION kv_updated() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app_usage (app_id, shard, kv_bytes)
    SELECT changed.app_id, usage_shard(), sum(changed.bytes)
    FROM (
        SELECT added.app_id, octet_length(added.key) + octet_length(added.value) AS bytes FROM added
        UNION ALL SELECT removed.app_id, -octet_length(removed.key) - octet_length(removed.value) FROM removed
    ) AS changed
    GROUP BY changed.app_id HAVING sum(changed.bytes) <> 0 ORDER BY changed.app_id
    ON CONFLICT (app_id, shard) DO UPDATE SET kv_bytes = app_usage.kv_bytes + excluded.kv_bytes;
    RETURN NULL;
END
$$;

-- An app that is deleted takes its counts with it.
CREATE FUNCTION kv_deleted() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app_usage (app_id, shard, kv_bytes, kv_rows)
    SELECT removed.app_id, usage_shard(), -sum(octet_length(removed.key) + octet_length(removed.value)), -count(*)
    FROM removed WHERE EXISTS (SELECT 1 FROM apps WHERE apps.id = removed.app_id)
    GROUP BY removed.app_id ORDER BY removed.app_id
    ON CONFLICT (app_id, shard) DO UPDATE
    SET kv_bytes = app_usage.kv_bytes + excluded.kv_bytes, kv_rows = app_usage.kv_rows + excluded.kv_rows;
    RETURN NULL;
END
$$;

CREATE TRIGGER kv_inserted AFTER INSERT ON kv
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION kv_inserted();
CREATE TRIGGER kv_updated AFTER UPDATE ON kv
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION kv_updated();
CREATE TRIGGER kv_deleted AFTER DELETE ON kv
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION kv_deleted();

INSERT INTO app_usage (app_id, shard, kv_bytes, kv_rows)
SELECT app_id, 0, sum(octet_length(key) + octet_length(value)), count(*) FROM kv GROUP BY app_id;

-- What an app keeps.
CREATE FUNCTION data_kept(app UUID, OUT bytes BIGINT, OUT rows BIGINT) LANGUAGE sql AS $$
    SELECT COALESCE(sum(kv_bytes + docs_bytes), 0)::bigint, COALESCE(sum(kv_rows + docs_rows), 0)::bigint
    FROM app_usage WHERE app_id = app
$$;

-- The number of the lock that whoever changes an app's data shares, and that whoever must be alone with it has.
CREATE FUNCTION lock_of_app(app UUID) RETURNS BIGINT LANGUAGE sql IMMUTABLE AS
    'SELECT hashtextextended(app::text, 1)';

-- Removes some of what has expired in the app where something has been so for longest; tells how much that was.
-- It is alone with the app meanwhile, so that it waits for no commit while it holds what a commit wants.
CREATE FUNCTION sweep_kv(moment BIGINT, rows_max BIGINT) RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE
    app UUID;
    removed BIGINT;
BEGIN
    SELECT kv.app_id INTO app FROM kv WHERE kv.expires_at <= moment ORDER BY kv.expires_at LIMIT 1;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    PERFORM pg_advisory_xact_lock(lock_of_app(app));
    DELETE FROM kv WHERE kv.app_id = app AND kv.key IN (
        SELECT old.key FROM kv AS old
        WHERE old.app_id = app AND old.expires_at <= moment ORDER BY old.expires_at LIMIT rows_max
    );
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END
$$;

-- The commit of a run, in one call: compares what the run has read with what is there, and writes if nothing has
-- changed. Gives null, or a key that has changed.
--
-- Commits of one app that touch the same key wait for each other, in the order of their locks, so that none of them
-- waits in a circle; others go side by side and share the flush of the log. One that has listed a range, or touches
-- many keys, has the app to itself. Each statement of the function sees what was committed before it: what is read
-- after the locks stays true until the end.
DROP FUNCTION commit_kv;

CREATE FUNCTION commit_kv(
    app UUID, moment BIGINT,
    read_keys BYTEA[], read_versions BIGINT[],
    range_lows BYTEA[], range_highs BYTEA[], range_counts BIGINT[], range_marks BIGINT[],
    put_keys BYTEA[], put_kinds SMALLINT[], put_values BYTEA[], put_versions BIGINT[], put_expiries BIGINT[],
    deleted_keys BYTEA[],
    bytes_default BIGINT, rows_default BIGINT
) RETURNS BYTEA LANGUAGE plpgsql AS $$
DECLARE
    keys_locked_max CONSTANT INTEGER := 32;
    bytes_near CONSTANT BIGINT := 64 * 1024 * 1024;
    rows_near CONSTANT BIGINT := 8 * 1000;
    writes CONSTANT BOOLEAN := cardinality(put_keys) + cardinality(deleted_keys) > 0;
    lock_of_key RECORD;
    stale BYTEA;
    quotas RECORD;
    kept RECORD;
    kept_before RECORD;
    is_near BOOLEAN := FALSE;
BEGIN
    SELECT COALESCE(max(app_quotas.data_bytes_max), bytes_default) AS bytes,
        COALESCE(max(app_quotas.data_rows_max), rows_default) AS rows
    INTO quotas FROM app_quotas WHERE app_quotas.app_id = app;
    IF writes THEN
        SELECT * INTO kept FROM data_kept(app);
        is_near := kept.bytes + bytes_near > quotas.bytes OR kept.rows + rows_near > quotas.rows;
    END IF;

    IF is_near
        OR cardinality(range_lows) > 0
        OR cardinality(read_keys) + cardinality(put_keys) + cardinality(deleted_keys) > keys_locked_max
    THEN
        PERFORM pg_advisory_xact_lock(lock_of_app(app));
    ELSE
        PERFORM pg_advisory_xact_lock_shared(lock_of_app(app));
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

    IF NOT writes THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM apps WHERE apps.id = app) THEN
        RAISE EXCEPTION 'the app is gone' USING ERRCODE = 'PC001';
    END IF;
    SELECT * INTO kept_before FROM data_kept(app);

    DELETE FROM kv WHERE kv.app_id = app AND kv.key = ANY (deleted_keys);
    INSERT INTO kv (app_id, key, kind, value, version, expires_at)
    SELECT app, put.key, put.kind, put.value, put.version, put.expires_at
    FROM unnest(put_keys, put_kinds, put_values, put_versions, put_expiries)
        AS put (key, kind, value, version, expires_at)
    ON CONFLICT (app_id, key) DO UPDATE SET kind = excluded.kind, value = excluded.value,
        version = excluded.version, expires_at = excluded.expires_at;

    SELECT * INTO kept FROM data_kept(app);
    IF kept.bytes > quotas.bytes AND kept.bytes > kept_before.bytes THEN
        RAISE EXCEPTION 'more than the app may keep' USING ERRCODE = 'PC002',
            DETAIL = format('data_bytes_max %s %s', kept_before.bytes, quotas.bytes);
    ELSIF kept.rows > quotas.rows AND kept.rows > kept_before.rows THEN
        RAISE EXCEPTION 'more than the app may keep' USING ERRCODE = 'PC002',
            DETAIL = format('data_rows_max %s %s', kept_before.rows, quotas.rows);
    END IF;
    RETURN NULL;
END
$$;
