-- The audit log: two chains of records, `changes` and `denials`. Each record's hash covers all that it says and the
-- hash before it. Bounds: by age, count and bytes of each chain; what is beyond them is cut off, the oldest first.

-- Where each chain ends, and where it was cut: hash and sequence of the last record there. Whoever appends locks the
-- row of the chain, after all other rows, so that the numbers have no gaps and nobody waits in a circle.
CREATE TABLE audit_heads (
    chain TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    cut_sequence BIGINT NOT NULL,
    cut_hash BYTEA NOT NULL,
    bytes BIGINT NOT NULL
);

INSERT INTO audit_heads (chain, sequence, hash, cut_sequence, cut_hash, bytes)
VALUES
    ('changes', 0, decode(repeat('00', 32), 'hex'), 0, decode(repeat('00', 32), 'hex'), 0),
    ('denials', 0, decode(repeat('00', 32), 'hex'), 0, decode(repeat('00', 32), 'hex'), 0);

-- No record refers to another row: it outlives what it is about.
CREATE TABLE audit_log (
    chain TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    id UUID NOT NULL,
    happened_at BIGINT NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    actor_id UUID,
    actor_name TEXT COLLATE "C",
    via TEXT COLLATE "C" NOT NULL,
    credential_id UUID,
    address TEXT COLLATE "C",
    request_id UUID,
    app_id UUID,
    target_kind TEXT COLLATE "C" NOT NULL,
    target_id TEXT COLLATE "C",
    target_name TEXT COLLATE "C",
    before_state TEXT COLLATE "C",
    after_state TEXT COLLATE "C",
    note TEXT COLLATE "C",
    reason TEXT COLLATE "C",
    attempts BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (chain, sequence)
);

-- Lists are newest first: of all, of one app, of one person.
CREATE UNIQUE INDEX audit_log_by_id ON audit_log (id);
CREATE INDEX audit_log_by_app ON audit_log (app_id, id);
CREATE INDEX audit_log_by_actor ON audit_log (actor_id, id);
