-- When what waits for another run has failed: so long before it is due it was to wait, whatever the clock shows by now.
ALTER TABLE deliveries ADD COLUMN failed_at BIGINT;

-- Ends a lease as before, and notes that moment.
CREATE OR REPLACE FUNCTION fail_delivery(
    app UUID, delivery UUID, lease_token BIGINT, moment BIGINT, retry_at BIGINT, dead_reason TEXT,
    attempt BIGINT, fault BIGINT, what TEXT, execution UUID,
    new_events JSONB, new_data BYTEA[], more_count BIGINT, more_bytes BIGINT,
    told_events JSONB, told_data BYTEA[], told_count BIGINT, told_bytes BIGINT, count_max BIGINT, bytes_max BIGINT,
    not_told TEXT, OUT was_held BOOLEAN, OUT was_told BOOLEAN
) LANGUAGE plpgsql AS $$
DECLARE
    stands RECORD;
BEGIN
    was_told := TRUE;
    SELECT d.origin_id, d.event_key, d.place INTO stands FROM deliveries AS d
    WHERE d.app_id = app AND d.id = delivery;
    IF dead_reason IS NOT NULL OR more_count + told_count > 0 THEN
        PERFORM lock_orders(app, ARRAY[delivery], COALESCE(new_events, '[]') || COALESCE(told_events, '[]'));
    END IF;
    UPDATE deliveries SET state = CASE WHEN dead_reason IS NULL THEN 'waiting' ELSE 'dead' END,
        node = NULL, lease_until = NULL, due_at = COALESCE(retry_at, deliveries.due_at),
        ended_at = CASE WHEN dead_reason IS NULL THEN NULL ELSE moment END, reason = dead_reason,
        attempts = deliveries.attempts + attempt, faults = deliveries.faults + fault, error = what,
        execution_id = COALESCE(execution, deliveries.execution_id),
        batch_execution_id = CASE
            WHEN deliveries.batch IS NULL THEN deliveries.batch_execution_id
            ELSE COALESCE(execution, deliveries.batch_execution_id)
        END,
        failed_at = moment
    WHERE deliveries.app_id = app AND deliveries.id = delivery AND deliveries.token = lease_token
        AND deliveries.state = 'running';
    was_held := FOUND;
    IF NOT was_held THEN
        RETURN;
    END IF;
    IF stands.place IS NOT NULL AND dead_reason IS NOT NULL THEN
        PERFORM let_next_run(app, stands.origin_id, stands.event_key);
    END IF;
    -- If the app is gone, nobody is to be told.
    IF NOT EXISTS (SELECT 1 FROM apps WHERE apps.id = app) THEN
        RETURN;
    END IF;
    IF more_count > 0 THEN
        PERFORM publish_events(app, moment, new_events, new_data, more_count, more_bytes, NULL, NULL);
    END IF;
    IF told_count > 0 THEN
        BEGIN
            PERFORM publish_events(
                app, moment, told_events, told_data, told_count, told_bytes, count_max, bytes_max
            );
        EXCEPTION WHEN SQLSTATE 'PC003' THEN
            was_told := FALSE;
            UPDATE deliveries SET error = deliveries.error || not_told
            WHERE deliveries.app_id = app AND deliveries.id = delivery;
        END;
    END IF;
END
$$;
