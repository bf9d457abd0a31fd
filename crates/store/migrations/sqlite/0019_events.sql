-- Events, and their deliveries to scripts.
--
-- An event never changes and has one row, whoever gets it; `deliveries` is how many of its deliveries are there, and the
-- last one takes it along. Nobody looks for an event but by a delivery, so that its number is its only key. Events that
-- are wanted by nobody are not kept. `extensions` and `request` are JSON.
CREATE TABLE events (
    number INTEGER NOT NULL PRIMARY KEY,
    deliveries INTEGER NOT NULL,
    source TEXT NOT NULL,
    subject TEXT,
    happened_at INTEGER NOT NULL,
    extensions TEXT,
    content_type TEXT NOT NULL,
    root_id BLOB NOT NULL,
    cause_id BLOB,
    depth INTEGER NOT NULL,
    request TEXT,
    data BLOB NOT NULL
) STRICT;

-- One event on its way to one script. The key serves what is listed of an app, newest first.
--
-- `state` is `waiting`, `behind` (it waits for another one of its key), `running`, `done`, `dead` or `cancelled`. `token`
-- grows with each lease: whoever ends a lease names it, so that an earlier holder changes nothing. `terms` is what is not
-- the default of its policy and its destinations, as JSON. `origin_id` is the subscription or the schedule. Deliveries
-- that are ordered have `event_key` and a `place` among those of their subscription and key that have not ended; only
-- the first of these is not `behind`. No key refers to apps: see `executions`.
--
-- Bounds: what has not ended, by app, in number and bytes; what has ended, by age, and by app in number and bytes.
CREATE TABLE deliveries (
    app_id BLOB NOT NULL,
    id BLOB NOT NULL,
    event INTEGER NOT NULL,
    event_id BLOB NOT NULL,
    script_id BLOB NOT NULL,
    topic TEXT,
    event_key TEXT,
    place INTEGER,
    origin TEXT NOT NULL,
    origin_id BLOB,
    terms TEXT,
    bytes INTEGER NOT NULL,
    state TEXT NOT NULL,
    accepted_at INTEGER NOT NULL,
    since INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    token INTEGER NOT NULL,
    node TEXT,
    lease_until INTEGER,
    attempts INTEGER NOT NULL,
    faults INTEGER NOT NULL,
    aborts INTEGER NOT NULL,
    redrives INTEGER NOT NULL,
    ended_at INTEGER,
    reason TEXT,
    error TEXT,
    execution_id BLOB,
    response_status INTEGER,
    PRIMARY KEY (app_id, id)
) STRICT, WITHOUT ROWID;

-- What is due, by app, so that each gets its share however much another one has.
CREATE INDEX deliveries_due ON deliveries (app_id, due_at, id) WHERE state = 'waiting';
CREATE INDEX deliveries_leased ON deliveries (lease_until, node) WHERE state = 'running';
CREATE INDEX deliveries_in_order ON deliveries (app_id, origin_id, event_key, place)
    WHERE place IS NOT NULL AND state IN ('waiting', 'behind', 'running');
CREATE INDEX deliveries_dead ON deliveries (app_id, id) WHERE state = 'dead';

-- What the run of a delivery answered, if somebody may ask for it.
CREATE TABLE delivery_results (
    app_id BLOB NOT NULL,
    delivery_id BLOB NOT NULL,
    content_type TEXT,
    is_cut INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (app_id, delivery_id)
) STRICT;

-- What was published with an idempotency key: `published` holds the ids that were given back, as JSON. What has expired
-- is not there, whether it is removed yet or not.
CREATE TABLE event_keys (
    app_id BLOB NOT NULL,
    scope TEXT NOT NULL,
    event_key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    published TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (app_id, scope, event_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_keys_by_expiry ON event_keys (expires_at);

-- How many deliveries of each app have not ended, and the bytes of their events: counted by triggers, exact at every
-- moment. Several rows per app only on PostgreSQL; see `app_usage`.
CREATE TABLE app_queues (
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    shard INTEGER NOT NULL,
    count INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (app_id, shard)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER deliveries_inserted AFTER INSERT ON deliveries BEGIN
    INSERT INTO app_queues (app_id, shard, count, bytes) VALUES (new.app_id, 0, 1, new.bytes)
    ON CONFLICT (app_id, shard) DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER deliveries_ended AFTER UPDATE OF state ON deliveries
WHEN old.state IN ('waiting', 'behind', 'running') AND new.state NOT IN ('waiting', 'behind', 'running') BEGIN
    UPDATE app_queues SET count = count - 1, bytes = bytes - old.bytes WHERE app_id = old.app_id AND shard = 0;
END;

CREATE TRIGGER deliveries_redriven AFTER UPDATE OF state ON deliveries
WHEN old.state NOT IN ('waiting', 'behind', 'running') AND new.state IN ('waiting', 'behind', 'running') BEGIN
    INSERT INTO app_queues (app_id, shard, count, bytes) VALUES (new.app_id, 0, 1, new.bytes)
    ON CONFLICT (app_id, shard) DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER deliveries_deleted AFTER DELETE ON deliveries BEGIN
    UPDATE app_queues SET count = count - 1, bytes = bytes - old.bytes
    WHERE app_id = old.app_id AND shard = 0 AND old.state IN ('waiting', 'behind', 'running');
    DELETE FROM events WHERE number = old.event AND deliveries = 1;
    UPDATE events SET deliveries = deliveries - 1 WHERE number = old.event;
    DELETE FROM delivery_results WHERE app_id = old.app_id AND delivery_id = old.id;
END;

-- Of which delivery a run was one, which of its runs, and what began the chain that led to it.
ALTER TABLE executions ADD COLUMN delivery_id BLOB;
ALTER TABLE executions ADD COLUMN attempt INTEGER;
ALTER TABLE executions ADD COLUMN root_id BLOB;

CREATE INDEX executions_by_delivery ON executions (delivery_id, started_at, id) WHERE delivery_id IS NOT NULL;
CREATE INDEX executions_by_root ON executions (root_id, started_at, id) WHERE root_id IS NOT NULL;
