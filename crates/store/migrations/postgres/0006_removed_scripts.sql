-- Scripts that were removed from their app, with their versions: enough to bring them back with a release that holds
-- them. They stand apart, so that nothing else has to leave them out.
--
-- Bounded per app in bytes and in versions; what was removed first is forgotten first. `release` is the one that
-- removed the script.
CREATE TABLE removed_scripts (
    id UUID NOT NULL PRIMARY KEY,
    app_id UUID NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    release BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX removed_scripts_by_app ON removed_scripts (app_id, release);

CREATE TABLE removed_versions (
    script_id UUID NOT NULL REFERENCES removed_scripts (id) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    content_hash BYTEA NOT NULL,
    source BYTEA NOT NULL,
    author_id UUID,
    author_name TEXT COLLATE "C",
    note TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    PRIMARY KEY (script_id, version)
);
