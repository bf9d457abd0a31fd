-- The first schema: apps with all that belongs to them, people who may sign in, and records of runs.
--
-- Conventions, kept by every later migration:
--   * The SQLite migration of the same number makes the same tables and columns.
--   * Ids are UUIDv7 made by PiCloud. Times are microseconds since 1970 in UTC.
--   * Text is COLLATE "C": it sorts by its bytes, as on SQLite, whatever the locale of the server.
--   * A rule that two writers could race for is a constraint here, not a check in the program.

-- `release` counts the changes of an app. Every change begins by raising it, which makes the writers of one
-- app wait for each other.
CREATE TABLE apps (
    id UUID NOT NULL PRIMARY KEY,
    slug TEXT COLLATE "C" NOT NULL UNIQUE,
    name TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    release BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Slugs that an app had before; they redirect to it until another app takes them over.
CREATE TABLE slug_history (
    slug TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    app_id UUID NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL
);

CREATE INDEX slug_history_by_app ON slug_history (app_id);

-- Claims on hosts. Two patterns of one shape would claim the same hosts, so the shape is unique over all apps.
CREATE TABLE domains (
    id UUID NOT NULL PRIMARY KEY,
    app_id UUID NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    pattern TEXT COLLATE "C" NOT NULL,
    shape_key TEXT COLLATE "C" NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

CREATE INDEX domains_by_app ON domains (app_id, id);

-- `version` is the live one. The pair of app and id is unique only so that routes can refer to it.
CREATE TABLE scripts (
    id UUID NOT NULL PRIMARY KEY,
    app_id UUID NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    limits TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (app_id, name),
    UNIQUE (app_id, id)
);

-- Versions are never changed once written. Each carries its source, in bytes because PostgreSQL has no text
-- with NUL: one row then holds all of a version, and deleting a script leaves no shared source to clean up.
-- The author's name is a copy, so that history stays readable when the account is gone.
CREATE TABLE script_versions (
    script_id UUID NOT NULL REFERENCES scripts (id) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    content_hash BYTEA NOT NULL,
    source BYTEA NOT NULL,
    author_id UUID,
    author_name TEXT COLLATE "C",
    note TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    PRIMARY KEY (script_id, version)
);

-- The composite key lets a route name only a script of its own app.
CREATE TABLE routes (
    id UUID NOT NULL PRIMARY KEY,
    app_id UUID NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    script_id UUID NOT NULL,
    host TEXT COLLATE "C",
    path TEXT COLLATE "C" NOT NULL,
    methods TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    FOREIGN KEY (app_id, script_id) REFERENCES scripts (app_id, id)
);

CREATE INDEX routes_by_app ON routes (app_id, id);
CREATE INDEX routes_by_script ON routes (script_id, id);

-- One row per method of a route: the key is what two routes of one app must not share.
CREATE TABLE route_shapes (
    app_id UUID NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    shape_key TEXT COLLATE "C" NOT NULL,
    method TEXT COLLATE "C" NOT NULL,
    route_id UUID NOT NULL REFERENCES routes (id) ON DELETE CASCADE,
    PRIMARY KEY (app_id, shape_key, method)
);

CREATE INDEX route_shapes_by_route ON route_shapes (route_id);

-- What each change left behind; `manifest` is JSON and enough to put the app back as it was.
CREATE TABLE releases (
    app_id UUID NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    author_id UUID,
    author_name TEXT COLLATE "C",
    note TEXT COLLATE "C",
    summary TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    manifest TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (app_id, number)
);

-- `is_first` marks the account of the first start. At most one row may have it, so that of two first
-- starts at the same moment only one can succeed.
CREATE TABLE users (
    id UUID NOT NULL PRIMARY KEY,
    username TEXT COLLATE "C" NOT NULL UNIQUE,
    email TEXT COLLATE "C",
    instance_role TEXT COLLATE "C" NOT NULL,
    is_active BOOLEAN NOT NULL,
    is_first BOOLEAN NOT NULL,
    password_hash TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE UNIQUE INDEX users_first ON users (is_first) WHERE is_first = TRUE;

-- The token itself is nowhere, only its SHA-256.
CREATE TABLE sessions (
    id UUID NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash BYTEA NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX sessions_by_user ON sessions (user_id, id);

-- Runs, newest first by app, by script and by status. No key refers to apps: deleting an app must not
-- hold a lock while a hundred thousand records go, so they are deleted in small steps afterwards.
-- `bytes` stands in the index by app, so that retention adds it up without reading the rows.
CREATE TABLE executions (
    id UUID NOT NULL PRIMARY KEY,
    app_id UUID NOT NULL,
    script_id UUID NOT NULL,
    script_name TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    trigger TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    operations BIGINT NOT NULL,
    duration_us BIGINT NOT NULL,
    cpu_us BIGINT NOT NULL,
    memory_bytes_peak BIGINT NOT NULL,
    response_status BIGINT NOT NULL,
    node TEXT COLLATE "C" NOT NULL,
    bytes BIGINT NOT NULL
);

CREATE INDEX executions_by_script ON executions (script_id, started_at, id);
CREATE INDEX executions_by_status ON executions (app_id, status, started_at, id);
CREATE INDEX executions_by_app ON executions (app_id, started_at, id, bytes);

-- The large part of a record, apart so that the rows above stay small: the request, the logs and the error
-- as JSON, and all that can be searched, in lower case.
CREATE TABLE execution_payloads (
    execution_id UUID NOT NULL PRIMARY KEY REFERENCES executions (id) ON DELETE CASCADE,
    request TEXT COLLATE "C" NOT NULL,
    logs TEXT COLLATE "C" NOT NULL,
    error TEXT COLLATE "C",
    search_text TEXT COLLATE "C" NOT NULL
);

-- Successful runs beyond the rate at which they are recorded one by one, counted per minute.
CREATE TABLE execution_counts (
    app_id UUID NOT NULL,
    minute BIGINT NOT NULL,
    script_id UUID NOT NULL,
    count BIGINT NOT NULL,
    duration_us BIGINT NOT NULL,
    PRIMARY KEY (app_id, minute, script_id)
);

CREATE INDEX execution_counts_by_minute ON execution_counts (minute);
