-- What a script has to answer for when the server ended because of it.
--
-- One row per script, so it grows no further than `scripts`. It counts for `version` alone: a row about another
-- version than the live one is about nothing, and the next strike takes its place. `suspended_at` is set while the
-- script may not run.
CREATE TABLE script_strikes (
    script_id BLOB NOT NULL PRIMARY KEY REFERENCES scripts (id) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    execution_id BLOB NOT NULL,
    strikes INTEGER NOT NULL,
    struck_at INTEGER NOT NULL,
    suspended_at INTEGER
) STRICT, WITHOUT ROWID;
