-- What has not ended, and what was cancelled, as they are listed: however much there is of the rest. The first is asked for by
-- `ended_at`, so that it stands in for none of the indexes that are asked for by `state`.
CREATE INDEX deliveries_open ON deliveries (app_id, id) WHERE ended_at IS NULL;
CREATE INDEX deliveries_cancelled ON deliveries (app_id, id) WHERE state = 'cancelled';

-- Of some events that two gave other data at one time, all deliveries had gone and the events had stayed.
DELETE FROM events WHERE deliveries <= 0;
