-- When what waits for another run has failed: so long before it is due it was to wait, whatever the clock shows by now.
ALTER TABLE deliveries ADD COLUMN failed_at INTEGER;
