-- The lock of an order is one of 64 of its app. A transaction may tell of a thousand keys, in the order of each, for as many
-- subscriptions as there are, and the server has room for a few thousand locks in all.
CREATE OR REPLACE FUNCTION lock_of_order(app UUID, origin UUID, key TEXT) RETURNS BIGINT LANGUAGE sql IMMUTABLE AS $$
    SELECT hashtextextended(app::text || (hashtextextended(origin::text || key, 5) & 63)::text, 5)
$$;
