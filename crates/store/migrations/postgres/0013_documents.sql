-- Collections of JSON documents of apps.
--
-- A definition is a JSON text that the program makes: the indexes of the collection and its schema. Each writing of it,
-- and of a document, has a `version` of its own, by chance, as those of keys have. Ids are the bytes of a text, so that
-- both databases sort them alike.
CREATE TABLE collections (
    id UUID NOT NULL PRIMARY KEY,
    app_id UUID NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (app_id, name)
);

CREATE TABLE documents (
    collection_id UUID NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    id BYTEA NOT NULL,
    app_id UUID NOT NULL,
    document TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (collection_id, id)
);

-- Where documents stand in the indexes of their collection: a position is the value at the path of the index, as bytes
-- in the order of values, and the id after it. Written with the document, in one commit.
CREATE TABLE document_index (
    collection_id UUID NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    index_id INTEGER NOT NULL,
    position BYTEA NOT NULL,
    document_id BYTEA NOT NULL,
    PRIMARY KEY (collection_id, index_id, position)
);

-- What an app keeps: see the triggers of `kv`. Bytes are those of ids and documents.
CREATE FUNCTION documents_inserted() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app_usage (app_id, shard, docs_bytes, docs_rows)
    SELECT added.app_id, usage_shard(), sum(octet_length(added.id) + octet_length(added.document)), count(*)
    FROM added GROUP BY added.app_id ORDER BY added.app_id
    ON CONFLICT (app_id, shard) DO UPDATE
    SET docs_bytes = app_usage.docs_bytes + excluded.docs_bytes, docs_rows = app_usage.docs_rows + excluded.docs_rows;
    RETURN NULL;
END
$$;

CREATE FUNCTION documents_updated() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app_usage (app_id, shard, docs_bytes)
    SELECT changed.app_id, usage_shard(), sum(changed.bytes)
    FROM (
        SELECT added.app_id, octet_length(added.document) AS bytes FROM added
        UNION ALL SELECT removed.app_id, -octet_length(removed.document) FROM removed
    ) AS changed
    GROUP BY changed.app_id HAVING sum(changed.bytes) <> 0 ORDER BY changed.app_id
    ON CONFLICT (app_id, shard) DO UPDATE SET docs_bytes = app_usage.docs_bytes + excluded.docs_bytes;
    RETURN NULL;
END
$$;

-- An app that is deleted takes its counts with it.
CREATE FUNCTION documents_deleted() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app_usage (app_id, shard, docs_bytes, docs_rows)
    SELECT removed.app_id, usage_shard(), -sum(octet_length(removed.id) + octet_length(removed.document)), -count(*)
    FROM removed WHERE EXISTS (SELECT 1 FROM apps WHERE apps.id = removed.app_id)
    GROUP BY removed.app_id ORDER BY removed.app_id
    ON CONFLICT (app_id, shard) DO UPDATE
    SET docs_bytes = app_usage.docs_bytes + excluded.docs_bytes, docs_rows = app_usage.docs_rows + excluded.docs_rows;
    RETURN NULL;
END
$$;

CREATE TRIGGER documents_inserted AFTER INSERT ON documents
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION documents_inserted();
CREATE TRIGGER documents_updated AFTER UPDATE ON documents
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION documents_updated();
CREATE TRIGGER documents_deleted AFTER DELETE ON documents
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION documents_deleted();

-- The lock of the definition of a collection: shared by those who read or write its documents, alone for who changes
-- it or has looked at a part of it.
CREATE FUNCTION lock_collection(app UUID, collection_name TEXT) RETURNS BIGINT LANGUAGE sql IMMUTABLE AS $$
    SELECT hashtextextended(app::text || collection_name, 3)
$$;

-- What a run read and writes in one collection: compares, and writes if nothing has changed. Gives null, or what has
-- changed: an empty text for the collection, or the id of a document.
--
-- `locks` name the documents and the values of unique indexes that the run touches, in bytes; as with keys, they are
-- taken in one order, and what is read after them stays true until the end.
CREATE FUNCTION commit_documents(
    app UUID, moment BIGINT, collection_name TEXT, collection UUID, read_version BIGINT,
    new_definition TEXT, new_version BIGINT, alone_in_app BOOLEAN, alone BOOLEAN,
    locks BYTEA[], locks_written BOOLEAN[],
    read_ids BYTEA[], read_versions BIGINT[],
    stretch_indexes INTEGER[], stretch_lows BYTEA[], stretch_highs BYTEA[],
    stretch_counts BIGINT[], stretch_marks BIGINT[],
    put_ids BYTEA[], put_documents TEXT[], put_versions BIGINT[],
    deleted_ids BYTEA[],
    removed_indexes INTEGER[], removed_positions BYTEA[],
    added_indexes INTEGER[], added_positions BYTEA[], added_ids BYTEA[],
    bytes_default BIGINT, rows_default BIGINT
) RETURNS BYTEA LANGUAGE plpgsql AS $$
DECLARE
    locks_max CONSTANT INTEGER := 32;
    bytes_near CONSTANT BIGINT := 64 * 1024 * 1024;
    rows_near CONSTANT BIGINT := 8 * 1000;
    writes CONSTANT BOOLEAN := new_definition IS NOT NULL
        OR cardinality(put_ids) + cardinality(deleted_ids) + cardinality(added_ids) > 0;
    lock_of_one RECORD;
    stale BYTEA;
    quotas RECORD;
    kept RECORD;
    kept_before RECORD;
    is_near BOOLEAN := FALSE;
BEGIN
    -- Near its quota an app has one commit at a time, as with keys.
    SELECT COALESCE(max(app_quotas.data_bytes_max), bytes_default) AS bytes,
        COALESCE(max(app_quotas.data_rows_max), rows_default) AS rows
    INTO quotas FROM app_quotas WHERE app_quotas.app_id = app;
    IF writes THEN
        SELECT * INTO kept FROM data_kept(app);
        is_near := kept.bytes + bytes_near > quotas.bytes OR kept.rows + rows_near > quotas.rows;
    END IF;
    IF is_near OR alone_in_app THEN
        PERFORM pg_advisory_xact_lock(lock_of_app(app));
    ELSE
        PERFORM pg_advisory_xact_lock_shared(lock_of_app(app));
    END IF;

    IF alone OR new_definition IS NOT NULL OR cardinality(locks) > locks_max THEN
        PERFORM pg_advisory_xact_lock(lock_collection(app, collection_name));
    ELSE
        PERFORM pg_advisory_xact_lock_shared(lock_collection(app, collection_name));
        FOR lock_of_one IN
            SELECT hashtextextended(app::text || collection_name || encode(touched.name, 'hex'), 4) AS number,
                bool_or(touched.written) AS written
            FROM unnest(locks, locks_written) AS touched (name, written)
            GROUP BY 1 ORDER BY 1
        LOOP
            IF lock_of_one.written THEN
                PERFORM pg_advisory_xact_lock(lock_of_one.number);
            ELSE
                PERFORM pg_advisory_xact_lock_shared(lock_of_one.number);
            END IF;
        END LOOP;
    END IF;

    IF read_version IS DISTINCT FROM (
        SELECT collections.version FROM collections
        WHERE collections.app_id = app AND collections.name = collection_name
            AND (read_version IS NULL OR collections.id = collection)
    ) THEN
        RETURN ''::BYTEA;
    END IF;

    SELECT been.id INTO stale
    FROM unnest(read_ids, read_versions) AS been (id, version)
        LEFT JOIN documents ON documents.collection_id = collection AND documents.id = been.id
    WHERE documents.version IS DISTINCT FROM been.version LIMIT 1;
    IF FOUND THEN
        RETURN stale;
    END IF;

    PERFORM 1
    FROM unnest(stretch_indexes, stretch_lows, stretch_highs, stretch_counts, stretch_marks)
            AS been (index_id, low, high, count, mark)
        CROSS JOIN LATERAL (
            SELECT count(*) AS count, COALESCE(bit_xor(documents.version), 0) AS mark
            FROM documents
            WHERE been.index_id IS NULL AND documents.collection_id = collection
                AND documents.id >= been.low AND documents.id < been.high
        ) AS by_id
        CROSS JOIN LATERAL (
            SELECT count(*) AS count, COALESCE(bit_xor(documents.version), 0) AS mark
            FROM document_index
                JOIN documents ON documents.collection_id = collection AND documents.id = document_index.document_id
            WHERE document_index.collection_id = collection AND document_index.index_id = been.index_id
                AND document_index.position >= been.low AND document_index.position < been.high
        ) AS by_index
    WHERE by_id.count + by_index.count <> been.count OR (by_id.mark # by_index.mark) <> been.mark LIMIT 1;
    IF FOUND THEN
        RETURN ''::BYTEA;
    END IF;

    IF NOT writes THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM apps WHERE apps.id = app) THEN
        RAISE EXCEPTION 'the app is gone' USING ERRCODE = 'PC001';
    END IF;
    SELECT * INTO kept_before FROM data_kept(app);

    IF new_definition IS NOT NULL THEN
        INSERT INTO collections (id, app_id, name, definition, version, created_at, updated_at)
        VALUES (collection, app, collection_name, new_definition, new_version, moment, moment);
    END IF;
    DELETE FROM document_index USING unnest(removed_indexes, removed_positions) AS removed (index_id, position)
    WHERE document_index.collection_id = collection AND document_index.index_id = removed.index_id
        AND document_index.position = removed.position;
    DELETE FROM documents WHERE documents.collection_id = collection AND documents.id = ANY (deleted_ids);
    INSERT INTO documents (collection_id, id, app_id, document, version, created_at, updated_at)
    SELECT collection, put.id, app, put.document, put.version, moment, moment
    FROM unnest(put_ids, put_documents, put_versions) AS put (id, document, version)
    ON CONFLICT (collection_id, id) DO UPDATE SET document = excluded.document, version = excluded.version,
        updated_at = excluded.updated_at;
    INSERT INTO document_index (collection_id, index_id, position, document_id)
    SELECT collection, added.index_id, added.position, added.id
    FROM unnest(added_indexes, added_positions, added_ids) AS added (index_id, position, id)
    ON CONFLICT (collection_id, index_id, position) DO NOTHING;

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
