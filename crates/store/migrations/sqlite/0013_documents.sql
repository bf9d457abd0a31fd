-- Collections of JSON documents of apps.
--
-- A definition is a JSON text that the program makes: the indexes of the collection and its schema. Each writing of it,
-- and of a document, has a `version` of its own, by chance, as those of keys have. Ids are the bytes of a text, so that
-- both databases sort them alike.
CREATE TABLE collections (
    id BLOB NOT NULL PRIMARY KEY,
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (app_id, name)
) STRICT;

CREATE TABLE documents (
    collection_id BLOB NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    id BLOB NOT NULL,
    app_id BLOB NOT NULL,
    document TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (collection_id, id)
) STRICT, WITHOUT ROWID;

-- Where documents stand in the indexes of their collection: a position is the value at the path of the index, as bytes
-- in the order of values, and the id after it. Written with the document, in one commit.
CREATE TABLE document_index (
    collection_id BLOB NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    index_id INTEGER NOT NULL,
    position BLOB NOT NULL,
    document_id BLOB NOT NULL,
    PRIMARY KEY (collection_id, index_id, position)
) STRICT, WITHOUT ROWID;

-- What an app keeps: see the triggers of `kv`. Bytes are those of ids and documents.
CREATE TRIGGER documents_inserted AFTER INSERT ON documents BEGIN
    INSERT INTO app_usage (app_id, shard, docs_bytes, docs_rows)
    VALUES (new.app_id, 0, length(new.id) + octet_length(new.document), 1)
    ON CONFLICT (app_id, shard) DO UPDATE
    SET docs_bytes = docs_bytes + excluded.docs_bytes, docs_rows = docs_rows + excluded.docs_rows;
END;

CREATE TRIGGER documents_updated AFTER UPDATE OF document ON documents
WHEN octet_length(new.document) <> octet_length(old.document) BEGIN
    UPDATE app_usage SET docs_bytes = docs_bytes + octet_length(new.document) - octet_length(old.document)
    WHERE app_id = new.app_id AND shard = 0;
END;

CREATE TRIGGER documents_deleted AFTER DELETE ON documents BEGIN
    UPDATE app_usage SET docs_bytes = docs_bytes - length(old.id) - octet_length(old.document), docs_rows = docs_rows - 1
    WHERE app_id = old.app_id AND shard = 0;
END;
