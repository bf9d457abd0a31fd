-- Whoever writes here is alone: there are no locks of orders, as on PostgreSQL.
SELECT 1;
