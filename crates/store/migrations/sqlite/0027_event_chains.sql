-- What follows from one request or event: its events are found by what began their chain, and their deliveries by them.
-- The second index holds the key of the table, too, and so the app.
CREATE INDEX events_by_root ON events (root_id);
CREATE INDEX deliveries_by_event ON deliveries (event);
