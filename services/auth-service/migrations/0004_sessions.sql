-- Sessions: who is logged in where, and how that goes on and ends. Each function below is one step that happens as a whole or
-- not at all; what it refuses it answers with NULL, since an exception would take back what the refusal itself must leave behind.

ALTER TABLE users ADD must_change_password boolean NOT NULL DEFAULT false;

-- 'origin' is the address as throttling counts it, see throttle.h. Access tokens name their session ("jti").
CREATE TABLE sessions (
    session_id     uuid PRIMARY KEY,
    user_id        uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    device_name    text,
    address        text NOT NULL,
    origin         text NOT NULL,
    user_agent     text,
    created_time   timestamptz NOT NULL DEFAULT now(),
    last_used_time timestamptz NOT NULL DEFAULT now(),
    expires_time   timestamptz NOT NULL,
    ended_time     timestamptz,
    ended_by       text CHECK (ended_by IN ('logout', 'user', 'administrator', 'limit', 'reuse', 'password', 'disabled'))
);
CREATE INDEX sessions_live ON sessions (user_id, created_time) WHERE ended_time IS NULL;
CREATE INDEX sessions_origin ON sessions (user_id, origin);
CREATE INDEX sessions_over ON sessions ((coalesce(ended_time, expires_time)));

-- Refresh tokens, only as SHA-256. One of a session is current, the others were rotated and are kept as long as they would have
-- lived: whoever shows one of those has a copy, or the thief has the current one.
CREATE TABLE refresh_tokens (
    hash         bytea PRIMARY KEY,
    session_id   uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    expires_time timestamptz NOT NULL,
    rotated_time timestamptz
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_over ON refresh_tokens (expires_time);

CREATE VIEW live_sessions AS SELECT * FROM sessions WHERE ended_time IS NULL AND expires_time > now();

-- Ends those of them that have not ended; how many that were. Locked in one order: two that end the same ones wait for each other.
CREATE FUNCTION sessions_end(these uuid[], why text) RETURNS bigint LANGUAGE sql AS $$
    WITH ended AS (
        UPDATE sessions SET ended_time = now(), ended_by = why
        WHERE session_id = ANY (array(SELECT session_id FROM live_sessions WHERE session_id = ANY (these) ORDER BY session_id FOR UPDATE))
        RETURNING session_id
    ), told AS (
        INSERT INTO revocations (session_id) SELECT session_id FROM ended
    )
    SELECT count(*) FROM ended
$$;

-- A new password or a disabled user: by whatever way it comes, all sessions are over.
CREATE FUNCTION user_ends_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sessions_end(array(SELECT session_id FROM live_sessions WHERE user_id = NEW.user_id),
                         CASE WHEN NEW.status = '启用' THEN 'password' ELSE 'disabled' END);
    RETURN NULL;
END $$;
CREATE TRIGGER user_ends_sessions AFTER UPDATE ON users FOR EACH ROW
    WHEN (NEW.password_hash <> OLD.password_hash OR (NEW.status <> OLD.status AND NEW.status <> '启用'))
    EXECUTE FUNCTION user_ends_sessions();

-- Begins a session of a user whose password was found to be that of `verified_hash`; the oldest ones beyond `sessions_max` end.
-- NULL: the user has another password by now, or is disabled. The user's row is locked, so that logins at once count each other.
CREATE FUNCTION session_begin(of_user uuid, verified_hash text, refresh_hash bytea, ttl_s integer, sessions_max integer,
                              with_session uuid, on_device text, from_address text, from_origin text, by_agent text)
RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    too_many uuid[];
BEGIN
    PERFORM FROM users u WHERE u.user_id = of_user AND u.password_hash = verified_hash AND u.status = '启用' FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO sessions (session_id, user_id, device_name, address, origin, user_agent, expires_time)
    VALUES (with_session, of_user, on_device, from_address, from_origin, left(by_agent, 200), now() + make_interval(secs => ttl_s));
    INSERT INTO refresh_tokens (hash, session_id, expires_time)
    VALUES (refresh_hash, with_session, now() + make_interval(secs => ttl_s));
    too_many := array(SELECT l.session_id FROM live_sessions l WHERE l.user_id = of_user AND l.session_id <> with_session
                      ORDER BY l.created_time DESC, l.session_id DESC OFFSET sessions_max - 1);
    IF cardinality(too_many) > 0 THEN -- each end is announced to all gateways and services
        PERFORM sessions_end(too_many, 'limit');
    END IF;
    RETURN with_session;
END $$;

-- Puts `new_hash` in the place of `old_hash`. One that was rotated already ends the session: two have it. But for a `repeats` that
-- leads to the same new token again, one that nobody has used: then the first answer was lost.
CREATE FUNCTION session_refresh(old_hash bytea, new_hash bytea, ttl_s integer, repeats boolean) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    of_session uuid;
BEGIN
    SELECT t.session_id INTO of_session FROM refresh_tokens t WHERE t.hash = old_hash AND t.expires_time > now();
    PERFORM FROM sessions s WHERE s.session_id = of_session AND s.ended_time IS NULL AND s.expires_time > now() FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    UPDATE refresh_tokens t SET rotated_time = clock_timestamp() WHERE t.hash = old_hash AND t.rotated_time IS NULL;
    IF FOUND THEN
        INSERT INTO refresh_tokens (hash, session_id, expires_time) VALUES (new_hash, of_session, now() + make_interval(secs => ttl_s));
        UPDATE sessions s SET last_used_time = now(), expires_time = now() + make_interval(secs => ttl_s)
        WHERE s.session_id = of_session;
        RETURN of_session;
    END IF;
    IF repeats AND EXISTS (
        SELECT FROM refresh_tokens o, refresh_tokens n
        WHERE o.hash = old_hash AND o.rotated_time > now() - interval '1 minute'
          AND n.hash = new_hash AND n.session_id = of_session AND n.rotated_time IS NULL) THEN
        RETURN of_session;
    END IF;
    PERFORM sessions_end(ARRAY[of_session], 'reuse');
    RETURN NULL;
END $$;

-- NULL: the password is not that of `verified_hash` any more. Ends all sessions; the caller begins one anew.
CREATE FUNCTION password_change(of_user uuid, verified_hash text, new_hash text) RETURNS uuid LANGUAGE sql AS $$
    UPDATE users SET password_hash = new_hash, must_change_password = false, updated_time = now(), version = version + 1
    WHERE user_id = of_user AND password_hash = verified_hash AND status = '启用' RETURNING user_id
$$;

-- Failed logins: by account and address, by account, by address. 'failures' is a count of which half is forgotten after a while;
-- 'key' is hashed, as people type passwords where names belong. Unlogged: losing it costs an attacker nothing but time.
CREATE UNLOGGED TABLE login_failures (
    key         bytea PRIMARY KEY,
    failures    double precision NOT NULL,
    failed_time timestamptz NOT NULL
);
CREATE INDEX login_failures_age ON login_failures (failed_time);

CREATE FUNCTION login_key(account text, origin text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(convert_to(coalesce(lower(account), '') || E'\n' || coalesce(origin, ''), 'UTF8'))
$$;

-- May this login be tried? `wait_s` 0: yes, and it counts as failed from now on, so that attempts at once count each other;
-- login_forgive(charged) takes it back. Else the seconds until the next one may be: after `maxima` (by account and address,
-- by account, by address) failures 1, doubling with each up to `longest_s`. What is refused does not count.
-- Where the user has logged in from before, only what came from there counts: strangers lock nobody out.
CREATE FUNCTION login_attempt(account text, from_origin text, maxima integer[], longest_s integer, half_life_s integer,
                              OUT wait_s integer, OUT charged bytea[]) LANGUAGE plpgsql AS $$
DECLARE
    f login_failures;
    left_s double precision := 0;
BEGIN
    charged := ARRAY[login_key(account, from_origin), login_key(account, NULL), login_key(NULL, from_origin)];
    IF EXISTS (SELECT FROM users u JOIN sessions s USING (user_id) WHERE lower(u.username) = lower(account) AND s.origin = from_origin) THEN
        charged := charged[1:1];
    END IF;
    FOR i IN 1 .. cardinality(charged) LOOP -- in the same order always: no deadlocks
        INSERT INTO login_failures AS l VALUES (charged[i], 0, clock_timestamp()) ON CONFLICT (key) DO UPDATE SET key = excluded.key
        RETURNING l.* INTO f;
        IF f.failures >= maxima[i] THEN
            left_s := greatest(left_s, least(longest_s, power(2, least(f.failures - maxima[i], 30)))
                                       - extract(epoch FROM clock_timestamp() - f.failed_time));
        END IF;
    END LOOP;
    wait_s := ceil(left_s);
    IF wait_s > 0 THEN
        RETURN;
    END IF;
    UPDATE login_failures l
    SET failures = l.failures * power(0.5, extract(epoch FROM clock_timestamp() - l.failed_time) / half_life_s) + 1,
        failed_time = clock_timestamp()
    WHERE l.key = ANY (charged);
END $$;

-- It was no failure after all. `clears`: the owner has come: what failed before by this account and address is forgotten.
CREATE FUNCTION login_forgive(charged bytea[], clears boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. cardinality(charged) LOOP
        UPDATE login_failures l SET failures = CASE WHEN clears AND i = 1 THEN 0 ELSE greatest(l.failures - 1, 0) END
        WHERE l.key = charged[i];
    END LOOP;
END $$;

-- Signing keys: each is published from when it is made until 'retire_time', and signs from 'activate_time' until the next one does.
ALTER TABLE signing_keys ADD activate_time timestamptz NOT NULL DEFAULT now();
UPDATE signing_keys SET activate_time = created_time, retire_time = CASE WHEN signs THEN NULL ELSE coalesce(retire_time, now()) END;
ALTER TABLE signing_keys DROP signs;

-- The one that signs now.
CREATE VIEW signing_key AS
SELECT * FROM signing_keys WHERE activate_time <= now() AND (retire_time IS NULL OR retire_time > now())
ORDER BY activate_time DESC, kid LIMIT 1;

-- A first key, unless there is one: replicas that start together agree on one.
CREATE FUNCTION signing_key_ensure(with_kid text, with_private_pem text, with_public_jwk text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('signing_keys', 0));
    INSERT INTO signing_keys (kid, private_pem, public_jwk)
    SELECT with_kid, with_private_pem, with_public_jwk WHERE NOT EXISTS (SELECT FROM signing_key);
END $$;

-- A new key that signs after `overlap_s`; those before it stay published for `keep_s` more. When it will sign.
CREATE FUNCTION signing_key_rotate(with_kid text, with_private_pem text, with_public_jwk text, overlap_s integer, keep_s integer)
RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
    signs_from timestamptz := now();
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('signing_keys', 0));
    IF EXISTS (SELECT FROM signing_key) THEN
        signs_from := now() + make_interval(secs => overlap_s);
    END IF;
    UPDATE signing_keys SET retire_time = least(retire_time, signs_from + make_interval(secs => keep_s));
    INSERT INTO signing_keys (kid, private_pem, public_jwk, activate_time)
    VALUES (with_kid, with_private_pem, with_public_jwk, signs_from);
    RETURN signs_from;
END $$;

-- What no token that is still good can mean any more: a token lives a day at most (TOKEN_TTL_S). Sessions that are over stay for a
-- while, for those who ask who was there.
ALTER FUNCTION housekeeping() RENAME TO housekeeping_rest;
CREATE FUNCTION housekeeping() RETURNS void LANGUAGE sql AS $$
    SELECT housekeeping_rest();
    DELETE FROM refresh_tokens WHERE expires_time < now();
    DELETE FROM sessions WHERE coalesce(ended_time, expires_time) < now() - interval '30 days';
    DELETE FROM revocations WHERE created_time < now() - interval '25 hours';
    DELETE FROM login_failures WHERE failed_time < now() - interval '2 days';
    DELETE FROM signing_keys WHERE retire_time < now();
$$;
