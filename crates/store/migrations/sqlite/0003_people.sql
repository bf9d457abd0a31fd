-- Several people: who has which role in which app, how they are invited, and by what they are known beside a password.

-- What a person may do in an app. Owners and admins need no row: their role on the instance implies one.
CREATE TABLE app_members (
    app_id BLOB NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    joined_at INTEGER NOT NULL,
    PRIMARY KEY (app_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX app_members_by_user ON app_members (user_id, app_id);

-- A link that makes one account. It names whom it is for, and dies with whoever gave it. Only the hash of its token
-- is kept. `app_id` and `app_role` make the new person a member at once.
CREATE TABLE invitations (
    id BLOB NOT NULL PRIMARY KEY,
    token_hash BLOB NOT NULL UNIQUE,
    username TEXT,
    email TEXT,
    instance_role TEXT NOT NULL,
    app_id BLOB REFERENCES apps (id) ON DELETE CASCADE,
    app_role TEXT,
    created_by BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX invitations_by_creator ON invitations (created_by, id);
CREATE INDEX invitations_by_app ON invitations (app_id);

-- Personal API tokens. The token itself is nowhere; `hint` is its last characters, for people. `app_id` and `role`
-- are the most that it may do, whatever its person may.
CREATE TABLE api_tokens (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    app_id BLOB REFERENCES apps (id) ON DELETE CASCADE,
    role TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER,
    UNIQUE (user_id, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX api_tokens_by_app ON api_tokens (app_id);

-- The second factor of a sign-in (RFC 6238). It counts from `confirmed_at` on. `last_step` is the last time step for
-- which a code was taken: none is taken twice.
CREATE TABLE second_factors (
    user_id BLOB NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    confirmed_at INTEGER,
    last_step INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Codes in place of a lost second factor, each good for one sign-in. Only their hashes.
CREATE TABLE recovery_codes (
    user_id BLOB NOT NULL REFERENCES second_factors (user_id) ON DELETE CASCADE,
    code_hash BLOB NOT NULL,
    PRIMARY KEY (user_id, code_hash)
) STRICT, WITHOUT ROWID;
