-- How requests to a route are signed, as JSON; anybody may send some if absent. The secret stands in it by its name.
ALTER TABLE routes ADD COLUMN webhook TEXT;
