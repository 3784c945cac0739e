-- Events wake their own service alone. Linked as a later migration of the services that have rest_feed_2.sql.

-- As there, on a channel of the schema's own: those who wait for another's events had to look for nothing.
CREATE OR REPLACE FUNCTION announce_events() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    now_ms CONSTANT bigint := extract(epoch FROM clock_timestamp()) * 1000;
BEGIN
    IF abs(now_ms - coalesce(pg_sequence_last_value('events_told'), 0)) >= 30 THEN
        PERFORM setval('events_told', now_ms), pg_notify(TG_TABLE_SCHEMA || '.events', '');
    END IF;
    RETURN NULL;
END $$;
