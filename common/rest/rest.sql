-- What the generic REST layer needs in every service's schema. Linked as each service's first migration.

-- Events: one row per write, in the write's own transaction. Three readers share it: the event feed (in order of xid, then
-- event_id), audit (before and after), and exact list totals (what changed since a total was counted).
CREATE TABLE outbox (
    event_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid          xid8 NOT NULL DEFAULT pg_current_xact_id(),
    aggregate    text NOT NULL,
    aggregate_id uuid NOT NULL,
    type         text NOT NULL,
    version      integer NOT NULL,
    before       jsonb,
    after        jsonb NOT NULL,
    created_time timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_order ON outbox (xid, event_id);
CREATE INDEX outbox_age ON outbox (created_time);

-- Trigger of every resource table: record_event('<aggregate>', '<id column>').
CREATE FUNCTION record_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    image jsonb := to_jsonb(NEW);
    verb  text := CASE WHEN TG_OP = 'INSERT' THEN 'created'
                       WHEN OLD.deleted_time IS NULL AND NEW.deleted_time IS NOT NULL THEN 'deleted'
                       WHEN OLD.deleted_time IS NOT NULL AND NEW.deleted_time IS NULL THEN 'restored'
                       ELSE 'updated' END;
BEGIN
    INSERT INTO outbox (aggregate, aggregate_id, type, version, before, after)
    VALUES (TG_ARGV[0], (image ->> TG_ARGV[1])::uuid, TG_ARGV[0] || '.' || verb, NEW.version,
            CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) END, image);
    RETURN NULL;
END $$;

-- Names shown next to a reference are cached by the services; a rename tells them to forget one.
-- Trigger of every table that is referred to: announce_name('<id column>', '<name column>').
CREATE FUNCTION announce_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) ->> TG_ARGV[1] IS DISTINCT FROM to_jsonb(OLD) ->> TG_ARGV[1] THEN
        PERFORM pg_notify('names', TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME || ':' || (to_jsonb(NEW) ->> TG_ARGV[0]));
    END IF;
    RETURN NULL;
END $$;

-- Who wrote something: the name from the token of the last write. Filled by the service, not by auth-service.
CREATE TABLE user_ref (
    user_id uuid PRIMARY KEY,
    name    text NOT NULL
);
CREATE TRIGGER user_ref_name AFTER UPDATE ON user_ref FOR EACH ROW EXECUTE FUNCTION announce_name('user_id', 'name');

-- Totals of broad filters: counted once under a snapshot; later readers add what the outbox says has changed since.
-- Unlogged: losing it costs a recount, and a read writes no WAL.
CREATE UNLOGGED TABLE list_total (
    key       bytea PRIMARY KEY,
    total     bigint NOT NULL,
    snapshot  pg_snapshot NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now()
);

-- Replies to POSTs with an Idempotency-Key, kept as the row that was shown.
CREATE TABLE idempotency (
    user_id      uuid NOT NULL,
    key          text NOT NULL,
    request      bytea NOT NULL,
    reply        jsonb,
    created_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_age ON idempotency (created_time);

-- Claims a key for this transaction. CR001: it has a reply already. CR002: a request with it is under way (never waits).
CREATE FUNCTION idempotency_claim(for_user uuid, with_key text, of_request text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended(for_user::text || with_key, 0)) THEN
        RAISE EXCEPTION 'in progress' USING ERRCODE = 'CR002';
    END IF;
    DELETE FROM idempotency i WHERE i.user_id = for_user AND i.key = with_key AND i.created_time < now() - interval '24 hours';
    INSERT INTO idempotency (user_id, key, request) VALUES (for_user, with_key, sha256(convert_to(of_request, 'UTF8')))
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'replay' USING ERRCODE = 'CR001';
    END IF;
END $$;

-- Keeps the reply of the key claimed in this transaction. CR005, which gives the key back: nothing was written.
CREATE FUNCTION idempotency_keep(for_user uuid, with_key text, row_written jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF row_written IS NULL THEN
        RAISE EXCEPTION 'unchanged' USING ERRCODE = 'CR005';
    END IF;
    UPDATE idempotency i SET reply = row_written WHERE i.user_id = for_user AND i.key = with_key;
END $$;

-- CR003 with the reasons as DETAIL when there are any: {"<field>": "missing"} bad references, {"<field>": "<id>"} duplicates.
CREATE FUNCTION refuse(reasons jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF reasons <> '{}' THEN
        RAISE EXCEPTION 'refused' USING ERRCODE = 'CR003', DETAIL = reasons::text;
    END IF;
END $$;

-- Trigger of a tree, before a row's parent changes: refuse_cycle('<id column>', '<parent column>').
CREATE FUNCTION refuse_cycle() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    own    uuid := (to_jsonb(NEW) ->> TG_ARGV[0])::uuid;
    parent uuid := (to_jsonb(NEW) ->> TG_ARGV[1])::uuid;
BEGIN
    WHILE parent IS NOT NULL LOOP
        IF parent = own THEN
            RAISE EXCEPTION 'cycle' USING ERRCODE = '23514', CONSTRAINT = TG_TABLE_NAME || '_' || TG_ARGV[1];
        END IF;
        EXECUTE format('SELECT %I FROM %I WHERE %I = $1', TG_ARGV[1], TG_TABLE_NAME, TG_ARGV[0]) INTO parent USING parent;
    END LOOP;
    RETURN NEW;
END $$;

-- The last statement of a dry run: everything was tried, nothing stays.
CREATE FUNCTION dry_run() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'dry run' USING ERRCODE = 'CR004';
END $$;

-- All one- and two-character pieces of a text, for keywords that are too short for trigrams. ASCII letters alone select
-- nothing, so of them only pairs are kept. The text is cut into pairs twice, from its first and from its second character.
-- The cost keeps the planner from taking a text apart for each row of a list. Restricted: what the grams find is few rows, not
-- worth starting parallel workers for.
CREATE FUNCTION search_grams(text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL RESTRICTED STRICT COST 10000 AS $$
BEGIN
    RETURN string_to_array(regexp_replace($1, '(..)', E'\\1\x01', 'g') || E'\x01'
                           || regexp_replace(substr($1, 2), '(..)', E'\\1\x01', 'g'), E'\x01')
           || string_to_array(regexp_replace($1, '[\x01-\x7f]+', '', 'g'), NULL);
END $$;

-- Called every minute by any replica: keeps the tables above small. Totals go well before the events that they build on.
CREATE FUNCTION housekeeping() RETURNS void LANGUAGE sql AS $$
    DELETE FROM list_total WHERE stored_at < now() - interval '1 day'
        OR stored_at < (SELECT l.stored_at FROM list_total l ORDER BY l.stored_at DESC OFFSET 10000 LIMIT 1);
    DELETE FROM idempotency WHERE created_time < now() - interval '24 hours';
    DELETE FROM outbox WHERE created_time < now() - interval '7 days';
$$;
