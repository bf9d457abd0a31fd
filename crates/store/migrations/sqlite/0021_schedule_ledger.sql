-- Up to when each schedule is planned: each occurrence up to then has its row in the ledger, and none after it. Whoever
-- plans raises it in the transaction that writes the rows, so that of two who do so at one time one is first. A schedule
-- that is restored after it was deleted goes on from here, so that no key refers to schedules.
CREATE TABLE schedule_standings (
    schedule_id BLOB NOT NULL PRIMARY KEY,
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    planned_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX schedule_standings_by_app ON schedule_standings (app_id);

-- What became of each occurrence of a schedule: `ran`, `late`, `waiting`, `skipped`, `missed` or `expired`. One row may
-- stand for all from `scheduled_at` to `until`. `delivery_id` is the run that was started for it.
--
-- Bounds: by schedule in number, and by age.
CREATE TABLE schedule_ledger (
    schedule_id BLOB NOT NULL,
    scheduled_at INTEGER NOT NULL,
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    until INTEGER,
    state TEXT NOT NULL,
    reason TEXT,
    delivery_id BLOB,
    decided_at INTEGER NOT NULL,
    PRIMARY KEY (schedule_id, scheduled_at)
) STRICT, WITHOUT ROWID;

CREATE INDEX schedule_ledger_by_app ON schedule_ledger (app_id);
CREATE INDEX schedule_ledger_waiting ON schedule_ledger (schedule_id, scheduled_at) WHERE state = 'waiting';

-- The runs of a schedule that are going, or wait for their turn.
CREATE INDEX deliveries_of_schedules ON deliveries (app_id, origin_id)
    WHERE origin = 'schedule' AND state IN ('waiting', 'behind', 'running');
