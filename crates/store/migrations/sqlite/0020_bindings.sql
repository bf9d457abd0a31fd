-- What starts scripts beside requests: subscriptions to topics, and schedules. They are part of an app's releases, as its
-- scripts are; here is what is live.
--
-- `kind` is `subscription` or `schedule`, and `spec` is JSON: what starts the script, and what becomes of its failures. An
-- app has at most 200 of each kind, with 256 KiB together. `updated_at` is also the moment up to which a schedule that was
-- made, changed or resumed has nothing to catch up.
CREATE TABLE bindings (
    id BLOB NOT NULL PRIMARY KEY,
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    script_id BLOB NOT NULL,
    is_paused INTEGER NOT NULL,
    spec TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (app_id, kind, name),
    FOREIGN KEY (app_id, script_id) REFERENCES scripts (app_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX bindings_by_app ON bindings (app_id, kind, id);
CREATE INDEX bindings_by_script ON bindings (script_id, id);
