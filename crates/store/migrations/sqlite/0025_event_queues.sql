-- What waits for one subscription, for one schedule, or for a script directly, is a queue: the queues of an app take turns
-- and have bounds of their own. `batch` is the first of the deliveries that one run is for, while that has several, and
-- `batch_execution_id` that run: afterwards each of them runs alone.
ALTER TABLE deliveries ADD COLUMN queue BLOB GENERATED ALWAYS AS (COALESCE(origin_id, script_id)) VIRTUAL;
ALTER TABLE deliveries ADD COLUMN batch BLOB;
ALTER TABLE deliveries ADD COLUMN batch_execution_id BLOB;

-- What is due, by queue, so that nothing is looked at of a queue that may not have more.
DROP INDEX deliveries_due;
CREATE INDEX deliveries_in_queue ON deliveries (app_id, queue, due_at, id) WHERE state = 'waiting';

-- For how many events a run was, if it was for any.
ALTER TABLE executions ADD COLUMN events INTEGER;
