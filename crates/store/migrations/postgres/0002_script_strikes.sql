-- What a script has to answer for when the server ended because of it.
--
-- One row per script, so it grows no further than `scripts`. It counts for `version` alone: a row about another
-- version than the live one is about nothing, and the next strike takes its place. `suspended_at` is set while the
-- script may not run.
CREATE TABLE script_strikes (
    script_id UUID NOT NULL PRIMARY KEY REFERENCES scripts (id) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    execution_id UUID NOT NULL,
    strikes BIGINT NOT NULL,
    struck_at BIGINT NOT NULL,
    suspended_at BIGINT
);
