-- The audit log: two chains of records, `changes` and `denials`. Each record's hash covers all that it says and the
-- hash before it. Bounds: by age, count and bytes of each chain; what is beyond them is cut off, the oldest first.

-- Where each chain ends, and where it was cut: hash and sequence of the last record there. Whoever appends locks the
-- row of the chain, after all other rows, so that the numbers have no gaps and nobody waits in a circle.
CREATE TABLE audit_heads (
    chain TEXT NOT NULL PRIMARY KEY,
    sequence INTEGER NOT NULL,
    hash BLOB NOT NULL,
    cut_sequence INTEGER NOT NULL,
    cut_hash BLOB NOT NULL,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO audit_heads (chain, sequence, hash, cut_sequence, cut_hash, bytes)
VALUES ('changes', 0, zeroblob(32), 0, zeroblob(32), 0), ('denials', 0, zeroblob(32), 0, zeroblob(32), 0);

-- No record refers to another row: it outlives what it is about.
CREATE TABLE audit_log (
    chain TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    id BLOB NOT NULL,
    happened_at INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    action TEXT NOT NULL,
    actor_id BLOB,
    actor_name TEXT,
    via TEXT NOT NULL,
    credential_id BLOB,
    address TEXT,
    request_id BLOB,
    app_id BLOB,
    target_kind TEXT NOT NULL,
    target_id TEXT,
    target_name TEXT,
    before_state TEXT,
    after_state TEXT,
    note TEXT,
    reason TEXT,
    attempts INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (chain, sequence)
) STRICT;

-- Lists are newest first: of all, of one app, of one person.
CREATE UNIQUE INDEX audit_log_by_id ON audit_log (id);
CREATE INDEX audit_log_by_app ON audit_log (app_id, id);
CREATE INDEX audit_log_by_actor ON audit_log (actor_id, id);
