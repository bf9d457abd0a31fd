-- The mail server that takes the e-mail of an app's scripts. Apps without a row have the one of the instance.
--
-- `sealed` is the password, encrypted with the key that lies outside of the database, for this app and this mail server
-- alone, or empty if nobody signs in there. `senders` has one on each line. An app has one row at most.
CREATE TABLE app_smtp (
    app_id UUID PRIMARY KEY REFERENCES apps (id) ON DELETE CASCADE,
    host TEXT NOT NULL,
    port BIGINT NOT NULL,
    security TEXT NOT NULL,
    username TEXT,
    sealed BYTEA NOT NULL,
    senders TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    author_id UUID,
    author_name TEXT,
    CHECK ((username IS NULL) = (length(sealed) = 0))
);
