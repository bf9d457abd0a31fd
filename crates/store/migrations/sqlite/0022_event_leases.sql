-- Under which lease a delivery has begun to run that was aborted before: the first abort counts for all that a node held,
-- each later one only for what had begun. So what only waits for its turn is not taken for what ends servers.
ALTER TABLE deliveries ADD COLUMN begun_token INTEGER;
