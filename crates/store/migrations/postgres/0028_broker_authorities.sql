-- A broker at home has a certificate of an authority that browsers do not know: `ca` is that authority, as certificates in
-- PEM, and then the only one that is trusted. The password is sealed for it, too.
ALTER TABLE brokers ADD COLUMN ca TEXT;
