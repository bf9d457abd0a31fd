-- Keys and values of apps, written by their scripts.
--
-- Keys are the bytes of a text, so that both databases sort them alike. `kind` is 0 for a JSON text and 1 for bytes.
-- Every writing of a key has a `version` of its own, by chance: a run that has read the key notices by it, at its
-- commit, that somebody has written meanwhile. What has expired is not there, whether it is removed yet or not.
CREATE TABLE kv (
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    key BLOB NOT NULL,
    kind INTEGER NOT NULL,
    value BLOB NOT NULL,
    version INTEGER NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (app_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX kv_by_expiry ON kv (expires_at) WHERE expires_at IS NOT NULL;
