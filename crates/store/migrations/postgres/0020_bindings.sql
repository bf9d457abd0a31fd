-- What starts scripts beside requests: subscriptions to topics, and schedules. They are part of an app's releases, as its
-- scripts are; here is what is live.
--
-- `kind` is `subscription` or `schedule`, and `spec` is JSON: what starts the script, and what becomes of its failures. An
-- app has at most 200 of each kind, with 256 KiB together. `updated_at` is also the moment up to which a schedule that was
-- made, changed or resumed has nothing to catch up.
CREATE TABLE bindings (
    id UUID NOT NULL PRIMARY KEY,
    app_id UUID NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    script_id UUID NOT NULL,
    is_paused BOOLEAN NOT NULL,
    spec TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (app_id, kind, name),
    FOREIGN KEY (app_id, script_id) REFERENCES scripts (app_id, id)
);

CREATE INDEX bindings_by_app ON bindings (app_id, kind, id);
CREATE INDEX bindings_by_script ON bindings (script_id, id);
