-- Configuration of apps: values that their scripts read. They are part of an app's releases, as its scripts are; here is
-- what is live.
--
-- `value` is JSON without spaces. An app has at most 200 values with 256 KiB together.
CREATE TABLE config (
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (app_id, name)
) STRICT;
