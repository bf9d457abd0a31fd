-- What a run used of each service, as JSON.
ALTER TABLE execution_payloads ADD COLUMN services TEXT NOT NULL DEFAULT '[]';
