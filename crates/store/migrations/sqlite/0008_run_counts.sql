-- All runs are counted per minute, and not only those without a record: by how they ended and by how long they took, so
-- that numbers and quantiles over time are true whatever is recorded and kept.
--
-- `band` is a band of durations, 0 for the shortest; -1 where only the number of runs is known. `unrecorded` is how
-- many of the runs have no record. The key serves what is read of an app over time, the index what is deleted by age.
CREATE TABLE run_counts (
    app_id BLOB NOT NULL,
    minute INTEGER NOT NULL,
    script_id BLOB NOT NULL,
    status TEXT NOT NULL,
    band INTEGER NOT NULL,
    count INTEGER NOT NULL,
    unrecorded INTEGER NOT NULL,
    PRIMARY KEY (app_id, minute, script_id, status, band)
) STRICT, WITHOUT ROWID;

CREATE INDEX run_counts_by_minute ON run_counts (minute);

INSERT INTO run_counts (app_id, minute, script_id, status, band, count, unrecorded)
SELECT app_id, minute, script_id, 'success', -1, count, count FROM execution_counts;

INSERT INTO run_counts (app_id, minute, script_id, status, band, count, unrecorded)
SELECT app_id, (started_at + duration_us) / 60000000, script_id, status, -1, COUNT(*), 0
FROM executions WHERE true GROUP BY 1, 2, 3, 4
ON CONFLICT (app_id, minute, script_id, status, band) DO UPDATE
SET count = run_counts.count + excluded.count;

DROP TABLE execution_counts;
