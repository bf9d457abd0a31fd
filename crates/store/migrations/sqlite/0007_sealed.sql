-- What a copy of the database must not tell is encrypted with a key that lies in a file outside.

-- Which key that is. Without the row, nothing was sealed yet; with it, no other key is taken.
CREATE TABLE sealing_key (
    singleton INTEGER NOT NULL PRIMARY KEY CHECK (singleton = 1),
    key_id BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Secrets from the time before are sealed by the first server that starts.
ALTER TABLE second_factors ADD COLUMN sealed INTEGER NOT NULL DEFAULT FALSE;
