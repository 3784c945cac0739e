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

-- What is deleted for its age was told long ago, or never will be.
CREATE FUNCTION raise_feed_floor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE feed_floor f SET xid = g.xid FROM (SELECT max(gone.xid) AS xid FROM gone) g WHERE f.xid < g.xid;
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_forgotten AFTER DELETE ON outbox REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION raise_feed_floor();
