-- The outbox as a feed for other services (common/rest/events.h). Linked as a migration of each service that publishes.

-- Transactions up to this one may lack events by now: whoever has read no further begins anew.
CREATE TABLE feed_floor (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    xid  xid8 NOT NULL DEFAULT '0'
);
INSERT INTO feed_floor DEFAULT VALUES;

-- What others are told of a record: these columns of it and no more.
CREATE FUNCTION feed_data(image jsonb, columns text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each(image) AS e WHERE e.key = ANY (columns)
$$;

-- Wakes those who wait for events. NOTIFY makes commits wait for each other, so of the transactions at one time only one
-- does it; the others' events are seen by the waiting ones' own looks, some times a second.
CREATE FUNCTION announce_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_try_advisory_xact_lock(hashtextextended('events' || TG_TABLE_SCHEMA, 0)) THEN
        PERFORM pg_notify('events', '');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_announced AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION announce_events();

-- Called every minute by any replica: keeps the tables small. Totals go well before the events that they build on.
CREATE OR REPLACE FUNCTION housekeeping() RETURNS void LANGUAGE sql AS $$
    DELETE FROM list_total WHERE stored_at < now() - interval '1 day'
        OR stored_at < (SELECT l.stored_at FROM list_total l ORDER BY l.stored_at DESC OFFSET 10000 LIMIT 1);
    DELETE FROM idempotency WHERE created_time < now() - interval '24 hours';
    WITH gone AS (DELETE FROM outbox WHERE created_time < now() - interval '7 days' RETURNING xid)
    UPDATE feed_floor SET xid = (SELECT max(xid) FROM gone) WHERE xid < (SELECT max(xid) FROM gone);
$$;
