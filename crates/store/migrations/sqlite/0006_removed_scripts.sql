-- Scripts that were removed from their app, with their versions: enough to bring them back with a release that holds
-- them. They stand apart, so that nothing else has to leave them out.
--
-- Bounded per app in bytes and in versions; what was removed first is forgotten first. `release` is the one that
-- removed the script.
CREATE TABLE removed_scripts (
    id BLOB NOT NULL PRIMARY KEY,
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    release INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX removed_scripts_by_app ON removed_scripts (app_id, release);

CREATE TABLE removed_versions (
    script_id BLOB NOT NULL REFERENCES removed_scripts (id) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    content_hash BLOB NOT NULL,
    source BLOB NOT NULL,
    author_id BLOB,
    author_name TEXT,
    note TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (script_id, version)
) STRICT;
