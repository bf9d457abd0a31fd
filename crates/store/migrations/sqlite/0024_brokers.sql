-- The MQTT brokers of apps, and the messages that wait for them.
--
-- `sealed` is the password, encrypted with the key that lies outside of the database, for this broker, its place and this
-- user name alone, or empty. `filters` is JSON: what is wanted of the broker. `subscribed` is that too: what the session at
-- the broker had subscribed to when it was last looked at. `revision` counts what was set. `holder` and `held_until` say
-- which server has the connection, where several share the database. An app has at most 4 brokers.
CREATE TABLE brokers (
    id BLOB NOT NULL PRIMARY KEY,
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    version TEXT NOT NULL,
    client_id TEXT,
    username TEXT,
    sealed BLOB NOT NULL,
    keep_alive_s INTEGER NOT NULL,
    filters TEXT NOT NULL,
    is_paused INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    subscribed TEXT NOT NULL,
    holder TEXT,
    held_until INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    author_id BLOB,
    author_name TEXT,
    UNIQUE (app_id, name),
    CHECK (username IS NOT NULL OR length(sealed) = 0)
) STRICT, WITHOUT ROWID;

-- A script's message is written with the commit of its run, and is deleted when the broker has it, or when it is older than
-- a day and in the way. At most 10,000 wait for one broker, with 64 MiB: `bytes` is what one of them counts.
CREATE TABLE broker_messages (
    number INTEGER NOT NULL PRIMARY KEY,
    broker_id BLOB NOT NULL REFERENCES brokers (id) ON DELETE CASCADE,
    topic TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    payload BLOB NOT NULL,
    qos INTEGER NOT NULL,
    retain INTEGER NOT NULL,
    content_type TEXT,
    depth INTEGER NOT NULL,
    published_at INTEGER NOT NULL
) STRICT;

-- For the first ones that wait for a broker, and, without a look at payloads, for how many do, how large and how old they
-- are.
CREATE INDEX broker_messages_by_broker ON broker_messages (broker_id, number, bytes, published_at);
