-- What each app used of the services on a day, counted when its runs have ended.
--
-- `day` counts from 1970, in UTC. The key serves what is read of an app, the index what is deleted by age.
CREATE TABLE service_calls (
    app_id UUID NOT NULL,
    day BIGINT NOT NULL,
    service TEXT COLLATE "C" NOT NULL,
    calls BIGINT NOT NULL,
    bytes_read BIGINT NOT NULL,
    bytes_written BIGINT NOT NULL,
    duration_us BIGINT NOT NULL,
    PRIMARY KEY (app_id, day, service)
);

CREATE INDEX service_calls_by_day ON service_calls (day);

-- How often an app may call services on a day; null for no bound.
ALTER TABLE app_quotas ADD COLUMN calls_per_day_max BIGINT;
