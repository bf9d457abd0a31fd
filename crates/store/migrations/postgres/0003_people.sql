-- Several people: who has which role in which app, how they are invited, and by what they are known beside a password.

-- What a person may do in an app. Owners and admins need no row: their role on the instance implies one.
CREATE TABLE app_members (
    app_id UUID NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT COLLATE "C" NOT NULL,
    joined_at BIGINT NOT NULL,
    PRIMARY KEY (app_id, user_id)
);

CREATE INDEX app_members_by_user ON app_members (user_id, app_id);

-- A link that makes one account. It names whom it is for, and dies with whoever gave it. Only the hash of its token
-- is kept. `app_id` and `app_role` make the new person a member at once.
CREATE TABLE invitations (
    id UUID NOT NULL PRIMARY KEY,
    token_hash BYTEA NOT NULL UNIQUE,
    username TEXT COLLATE "C",
    email TEXT COLLATE "C",
    instance_role TEXT COLLATE "C" NOT NULL,
    app_id UUID REFERENCES apps (id) ON DELETE CASCADE,
    app_role TEXT COLLATE "C",
    created_by UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX invitations_by_creator ON invitations (created_by, id);
CREATE INDEX invitations_by_app ON invitations (app_id);

-- Personal API tokens. The token itself is nowhere; `hint` is its last characters, for people. `app_id` and `role`
-- are the most that it may do, whatever its person may.
CREATE TABLE api_tokens (
    id UUID NOT NULL PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL,
    token_hash BYTEA NOT NULL UNIQUE,
    hint TEXT COLLATE "C" NOT NULL,
    app_id UUID REFERENCES apps (id) ON DELETE CASCADE,
    role TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    UNIQUE (user_id, name)
);

CREATE INDEX api_tokens_by_app ON api_tokens (app_id);

-- The second factor of a sign-in (RFC 6238). It counts from `confirmed_at` on. `last_step` is the last time step for
-- which a code was taken: none is taken twice.
CREATE TABLE second_factors (
    user_id UUID NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    confirmed_at BIGINT,
    last_step BIGINT NOT NULL
);

-- Codes in place of a lost second factor, each good for one sign-in. Only their hashes.
CREATE TABLE recovery_codes (
    user_id UUID NOT NULL REFERENCES second_factors (user_id) ON DELETE CASCADE,
    code_hash BYTEA NOT NULL,
    PRIMARY KEY (user_id, code_hash)
);
