-- How much each app keeps, and how much it may keep.
--
-- Triggers count, so that nothing that is written or removed by any statement is missed: the sums of an app's rows are
-- exact at every moment. Bytes are those of keys and values. There are several rows per app on PostgreSQL only, so that
-- commits of one app do not wait for each other; one of them alone may be below zero.
CREATE TABLE app_usage (
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    shard INTEGER NOT NULL,
    kv_bytes INTEGER NOT NULL DEFAULT 0,
    kv_rows INTEGER NOT NULL DEFAULT 0,
    docs_bytes INTEGER NOT NULL DEFAULT 0,
    docs_rows INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (app_id, shard)
) STRICT, WITHOUT ROWID;

-- Quotas that are not the default. An absent row, and null, are the default.
CREATE TABLE app_quotas (
    app_id BLOB NOT NULL PRIMARY KEY REFERENCES apps (id) ON DELETE CASCADE,
    data_bytes_max INTEGER,
    data_rows_max INTEGER
) STRICT, WITHOUT ROWID;

CREATE TRIGGER kv_inserted AFTER INSERT ON kv BEGIN
    INSERT INTO app_usage (app_id, shard, kv_bytes, kv_rows)
    VALUES (new.app_id, 0, length(new.key) + length(new.value), 1)
    ON CONFLICT (app_id, shard) DO UPDATE
    SET kv_bytes = kv_bytes + excluded.kv_bytes, kv_rows = kv_rows + excluded.kv_rows;
END;

CREATE TRIGGER kv_updated AFTER UPDATE OF value ON kv WHEN length(new.value) <> length(old.value) BEGIN
    UPDATE app_usage SET kv_bytes = kv_bytes + length(new.value) - length(old.value)
    WHERE app_id = new.app_id AND shard = 0;
END;

CREATE TRIGGER kv_deleted AFTER DELETE ON kv BEGIN
    UPDATE app_usage SET kv_bytes = kv_bytes - length(old.key) - length(old.value), kv_rows = kv_rows - 1
    WHERE app_id = old.app_id AND shard = 0;
END;

INSERT INTO app_usage (app_id, shard, kv_bytes, kv_rows)
SELECT app_id, 0, sum(length(key) + length(value)), count(*) FROM kv GROUP BY app_id;
