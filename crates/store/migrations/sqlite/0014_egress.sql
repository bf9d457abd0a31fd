-- Where scripts of an app may connect to.
--
-- `allow` has an entry on each line; null stands for every public address. Apps without a row have not set anything. It is
-- read at the start and after a change, never for a request of a script.
CREATE TABLE app_egress (
    app_id BLOB PRIMARY KEY REFERENCES apps (id) ON DELETE CASCADE,
    allow TEXT,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
