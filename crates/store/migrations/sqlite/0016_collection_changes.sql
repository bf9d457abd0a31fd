-- Collections that have documents can be changed, and what their indexes take counts.
--
-- A definition that is being changed says itself what is still to be done; here only whether there is anything, so that a
-- start finds it.
ALTER TABLE collections ADD COLUMN is_unfinished INTEGER NOT NULL DEFAULT 0;

-- What an app keeps: see the triggers of `documents`. Bytes are those of positions, and of the ids that stand with them. An
-- entry does not name its app; a collection that is deleted takes the counts of all its entries with it before they go.
CREATE TRIGGER document_index_inserted AFTER INSERT ON document_index BEGIN
    INSERT INTO app_usage (app_id, shard, docs_bytes)
    SELECT app_id, 0, length(new.position) + length(new.document_id) FROM collections WHERE id = new.collection_id
    ON CONFLICT (app_id, shard) DO UPDATE SET docs_bytes = docs_bytes + excluded.docs_bytes;
END;

CREATE TRIGGER document_index_deleted AFTER DELETE ON document_index BEGIN
    UPDATE app_usage SET docs_bytes = docs_bytes - length(old.position) - length(old.document_id)
    WHERE shard = 0 AND app_id = (SELECT app_id FROM collections WHERE id = old.collection_id);
END;

CREATE TRIGGER collections_deleted BEFORE DELETE ON collections BEGIN
    UPDATE app_usage SET docs_bytes = docs_bytes - COALESCE((
        SELECT sum(length(position) + length(document_id)) FROM document_index WHERE collection_id = old.id
    ), 0)
    WHERE app_id = old.app_id AND shard = 0;
END;

INSERT INTO app_usage (app_id, shard, docs_bytes)
SELECT collections.app_id, 0, sum(length(position) + length(document_id))
FROM document_index JOIN collections ON collections.id = document_index.collection_id
WHERE TRUE GROUP BY collections.app_id
ON CONFLICT (app_id, shard) DO UPDATE SET docs_bytes = docs_bytes + excluded.docs_bytes;
