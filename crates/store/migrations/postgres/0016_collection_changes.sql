-- Collections that have documents can be changed, and what their indexes take counts.
--
-- A definition that is being changed says itself what is still to be done; here only whether there is anything, so that a
-- start finds it.
ALTER TABLE collections ADD COLUMN is_unfinished BOOLEAN NOT NULL DEFAULT FALSE;

-- What an app keeps: see the triggers of `documents`. Bytes are those of positions, and of the ids that stand with them. An
-- entry does not name its app; a collection that is deleted takes the counts of all its entries with it before they go.
CREATE FUNCTION document_index_inserted() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app_usage (app_id, shard, docs_bytes)
    SELECT collections.app_id, usage_shard(), sum(octet_length(added.position) + octet_length(added.document_id))
    FROM added JOIN collections ON collections.id = added.collection_id
    GROUP BY collections.app_id ORDER BY collections.app_id
    ON CONFLICT (app_id, shard) DO UPDATE SET docs_bytes = app_usage.docs_bytes + excluded.docs_bytes;
    RETURN NULL;
END
$$;

CREATE FUNCTION document_index_deleted() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app_usage (app_id, shard, docs_bytes)
    SELECT collections.app_id, usage_shard(), -sum(octet_length(removed.position) + octet_length(removed.document_id))
    FROM removed JOIN collections ON collections.id = removed.collection_id
    GROUP BY collections.app_id ORDER BY collections.app_id
    ON CONFLICT (app_id, shard) DO UPDATE SET docs_bytes = app_usage.docs_bytes + excluded.docs_bytes;
    RETURN NULL;
END
$$;

-- An app that is deleted takes its counts with it.
CREATE FUNCTION collection_deleted() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app_usage (app_id, shard, docs_bytes)
    SELECT OLD.app_id, usage_shard(), -sum(octet_length(position) + octet_length(document_id))
    FROM document_index WHERE collection_id = OLD.id AND EXISTS (SELECT 1 FROM apps WHERE apps.id = OLD.app_id)
    HAVING count(*) > 0
    ON CONFLICT (app_id, shard) DO UPDATE SET docs_bytes = app_usage.docs_bytes + excluded.docs_bytes;
    RETURN OLD;
END
$$;

CREATE TRIGGER document_index_inserted AFTER INSERT ON document_index
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION document_index_inserted();
CREATE TRIGGER document_index_deleted AFTER DELETE ON document_index
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION document_index_deleted();
CREATE TRIGGER collection_deleted BEFORE DELETE ON collections
    FOR EACH ROW EXECUTE FUNCTION collection_deleted();

INSERT INTO app_usage (app_id, shard, docs_bytes)
SELECT collections.app_id, 0, sum(octet_length(position) + octet_length(document_id))
FROM document_index JOIN collections ON collections.id = document_index.collection_id
GROUP BY collections.app_id
ON CONFLICT (app_id, shard) DO UPDATE SET docs_bytes = app_usage.docs_bytes + excluded.docs_bytes;

-- How many collections an app may have: whoever makes one is alone with the app.
CREATE FUNCTION collection_inserted() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
    collections_max CONSTANT BIGINT := 1000;
    used BIGINT;
BEGIN
    SELECT count(*) INTO used FROM collections WHERE app_id = NEW.app_id;
    IF used >= collections_max THEN
        RAISE EXCEPTION 'more than the app may keep' USING ERRCODE = 'PC002',
            DETAIL = format('collections_max %s %s', used, collections_max);
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER collection_inserted BEFORE INSERT ON collections
    FOR EACH ROW EXECUTE FUNCTION collection_inserted();
