-- The order of events of one record is that of its versions. Linked as a later migration of the services that have rest.sql.

-- Whose turn it is to be told (common/rest/events.c). A transaction that began first may change a record last: its number is lower than that
-- of the change before, which is told no earlier. It then takes the turn of that one, behind it by event_id. Nobody has read so far: a turn
-- is passed when all transactions up to it have ended, and this one has not.
ALTER TABLE outbox ADD turn xid8;
UPDATE outbox SET turn = xid;
ALTER TABLE outbox ALTER turn SET DEFAULT pg_current_xact_id(), ALTER turn SET NOT NULL;
DROP INDEX outbox_order;
CREATE INDEX outbox_order ON outbox (turn, event_id);

-- As in rest_2.sql, with turns. Those beyond one's own number are few: of the transactions that began later and have ended already.
CREATE OR REPLACE FUNCTION record_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    hidden text[] := TG_ARGV[2:];
    image  jsonb := to_jsonb(NEW) - hidden;
    about  uuid := (image ->> TG_ARGV[1])::uuid;
    own    xid8 := pg_current_xact_id();
    behind xid8;
    verb   text := CASE WHEN TG_OP = 'INSERT' THEN 'created'
                        WHEN OLD.deleted_time IS NULL AND NEW.deleted_time IS NOT NULL THEN 'deleted'
                        WHEN OLD.deleted_time IS NOT NULL AND NEW.deleted_time IS NULL THEN 'restored'
                        ELSE 'updated' END;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT max(o.xid) INTO behind FROM outbox o WHERE o.turn > own AND o.xid > own AND o.aggregate_id = about;
    END IF;
    INSERT INTO outbox (turn, aggregate, aggregate_id, type, version, before, after)
    VALUES (coalesce(behind, own), TG_ARGV[0], about, TG_ARGV[0] || '.' || verb, NEW.version,
            CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) - hidden END, image);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION raise_feed_floor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE feed_floor f SET xid = g.turn FROM (SELECT max(gone.turn) AS turn FROM gone) g WHERE f.xid < g.turn;
    RETURN NULL;
END $$;
