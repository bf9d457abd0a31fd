-- Secrets of apps: what their scripts need, such as keys of other services.
--
-- `sealed` is the value, encrypted with the key that lies outside of the database, for this app and this name alone.
-- An app has at most 100, so that nothing else keeps the table from growing.
CREATE TABLE secrets (
    app_id UUID NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL,
    sealed BYTEA NOT NULL,
    updated_at BIGINT NOT NULL,
    author_id UUID,
    author_name TEXT,
    PRIMARY KEY (app_id, name)
);
