-- Where a session began, for people who look through theirs; absent for those from before.
ALTER TABLE sessions ADD COLUMN address TEXT;
ALTER TABLE sessions ADD COLUMN user_agent TEXT;

-- From now on no session outlives 30 days, however often it is used.
UPDATE sessions SET expires_at = min(expires_at, created_at + 2592000000000);
