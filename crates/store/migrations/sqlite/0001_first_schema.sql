-- The first schema: apps with all that belongs to them, people who may sign in, and records of runs.
--
-- Conventions, kept by every later migration:
--   * The PostgreSQL migration of the same number makes the same tables and columns.
--   * Ids are UUIDv7 made by PiCloud, 16 bytes each. Times are microseconds since 1970 in UTC.
--   * Tables are STRICT. Those with small rows are WITHOUT ROWID, so that a look-up by key is one descent;
--     those with large rows keep their rowid, because a clustered key would spread them over many pages.
--   * A rule that two writers could race for is a constraint here, not a check in the program.

-- `release` counts the changes of an app. Every change begins by raising it, which makes the writers of one
-- app wait for each other.
CREATE TABLE apps (
    id BLOB NOT NULL PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    release INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Slugs that an app had before; they redirect to it until another app takes them over.
CREATE TABLE slug_history (
    slug TEXT NOT NULL PRIMARY KEY,
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX slug_history_by_app ON slug_history (app_id);

-- Claims on hosts. Two patterns of one shape would claim the same hosts, so the shape is unique over all apps.
CREATE TABLE domains (
    id BLOB NOT NULL PRIMARY KEY,
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    pattern TEXT NOT NULL,
    shape_key TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX domains_by_app ON domains (app_id, id);

-- `version` is the live one. The pair of app and id is unique only so that routes can refer to it.
CREATE TABLE scripts (
    id BLOB NOT NULL PRIMARY KEY,
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    version INTEGER NOT NULL,
    limits TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (app_id, name),
    UNIQUE (app_id, id)
) STRICT, WITHOUT ROWID;

-- Versions are never changed once written. Each carries its source, in bytes because PostgreSQL has no text
-- with NUL: one row then holds all of a version, and deleting a script leaves no shared source to clean up.
-- The author's name is a copy, so that history stays readable when the account is gone.
CREATE TABLE script_versions (
    script_id BLOB NOT NULL REFERENCES scripts (id) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    content_hash BLOB NOT NULL,
    source BLOB NOT NULL,
    author_id BLOB,
    author_name TEXT,
    note TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (script_id, version)
) STRICT;

-- The composite key lets a route name only a script of its own app.
CREATE TABLE routes (
    id BLOB NOT NULL PRIMARY KEY,
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    script_id BLOB NOT NULL,
    host TEXT,
    path TEXT NOT NULL,
    methods TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    FOREIGN KEY (app_id, script_id) REFERENCES scripts (app_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX routes_by_app ON routes (app_id, id);
CREATE INDEX routes_by_script ON routes (script_id, id);

-- One row per method of a route: the key is what two routes of one app must not share.
CREATE TABLE route_shapes (
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    shape_key TEXT NOT NULL,
    method TEXT NOT NULL,
    route_id BLOB NOT NULL REFERENCES routes (id) ON DELETE CASCADE,
    PRIMARY KEY (app_id, shape_key, method)
) STRICT, WITHOUT ROWID;

CREATE INDEX route_shapes_by_route ON route_shapes (route_id);

-- What each change left behind; `manifest` is JSON and enough to put the app back as it was.
CREATE TABLE releases (
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    author_id BLOB,
    author_name TEXT,
    note TEXT,
    summary TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    manifest TEXT NOT NULL,
    PRIMARY KEY (app_id, number)
) STRICT;

-- `is_first` marks the account of the first start. At most one row may have it, so that of two first
-- starts at the same moment only one can succeed.
CREATE TABLE users (
    id BLOB NOT NULL PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    email TEXT,
    instance_role TEXT NOT NULL,
    is_active INTEGER NOT NULL,
    is_first INTEGER NOT NULL,
    password_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX users_first ON users (is_first) WHERE is_first = TRUE;

-- The token itself is nowhere, only its SHA-256.
CREATE TABLE sessions (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_user ON sessions (user_id, id);

-- Runs, newest first by app, by script and by status. No key refers to apps: deleting an app must not
-- hold a lock while a hundred thousand records go, so they are deleted in small steps afterwards.
-- `bytes` stands in the index by app, so that retention adds it up without reading the rows.
CREATE TABLE executions (
    id BLOB NOT NULL PRIMARY KEY,
    app_id BLOB NOT NULL,
    script_id BLOB NOT NULL,
    script_name TEXT NOT NULL,
    version INTEGER NOT NULL,
    trigger TEXT NOT NULL,
    status TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    operations INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    cpu_us INTEGER NOT NULL,
    memory_bytes_peak INTEGER NOT NULL,
    response_status INTEGER NOT NULL,
    node TEXT NOT NULL,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX executions_by_script ON executions (script_id, started_at, id);
CREATE INDEX executions_by_status ON executions (app_id, status, started_at, id);
-- The last one, because of two that look equally good SQLite takes the one made first.
CREATE INDEX executions_by_app ON executions (app_id, started_at, id, bytes);

-- The large part of a record, apart so that the rows above stay small: the request, the logs and the error
-- as JSON, and all that can be searched, in lower case.
CREATE TABLE execution_payloads (
    execution_id BLOB NOT NULL PRIMARY KEY REFERENCES executions (id) ON DELETE CASCADE,
    request TEXT NOT NULL,
    logs TEXT NOT NULL,
    error TEXT,
    search_text TEXT NOT NULL
) STRICT;

-- Successful runs beyond the rate at which they are recorded one by one, counted per minute.
CREATE TABLE execution_counts (
    app_id BLOB NOT NULL,
    minute INTEGER NOT NULL,
    script_id BLOB NOT NULL,
    count INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    PRIMARY KEY (app_id, minute, script_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX execution_counts_by_minute ON execution_counts (minute);
