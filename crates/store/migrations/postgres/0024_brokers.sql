-- The MQTT brokers of apps, and the messages that wait for them.
--
-- `sealed` is the password, encrypted with the key that lies outside of the database, for this broker, its place and this
-- user name alone, or empty. `filters` is JSON: what is wanted of the broker. `subscribed` is that too: what the session at
-- the broker had subscribed to when it was last looked at. `revision` counts what was set. `holder` and `held_until` say
-- which server has the connection, where several share the database. An app has at most 4 brokers.
CREATE TABLE brokers (
    id UUID NOT NULL PRIMARY KEY,
    app_id UUID NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL,
    url TEXT NOT NULL,
    version TEXT NOT NULL,
    client_id TEXT,
    username TEXT,
    sealed BYTEA NOT NULL,
    keep_alive_s BIGINT NOT NULL,
    filters TEXT NOT NULL,
    is_paused BOOLEAN NOT NULL,
    revision BIGINT NOT NULL,
    subscribed TEXT NOT NULL,
    holder TEXT,
    held_until BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    author_id UUID,
    author_name TEXT,
    UNIQUE (app_id, name),
    CHECK (username IS NOT NULL OR length(sealed) = 0)
);

-- A script's message is written with the commit of its run, and is deleted when the broker has it, or when it is older than
-- a day and in the way. At most 10,000 wait for one broker, with 64 MiB: `bytes` is what one of them counts.
CREATE TABLE broker_messages (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    broker_id UUID NOT NULL REFERENCES brokers (id) ON DELETE CASCADE,
    topic TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    payload BYTEA NOT NULL,
    qos BIGINT NOT NULL,
    retain BOOLEAN NOT NULL,
    content_type TEXT,
    depth BIGINT NOT NULL,
    published_at BIGINT NOT NULL
);

-- For the first ones that wait for a broker, and, without a look at payloads, for how many do, how large and how old they
-- are.
CREATE INDEX broker_messages_by_broker ON broker_messages (broker_id, number, bytes, published_at);
