-- NOTIFY less often than in rest_feed.sql. Linked as a later migration of the services that have that.

-- When those who wait for events were woken last, in milliseconds since 1970. A sequence: all see it at once, and none waits for another.
CREATE SEQUENCE events_told;

-- NOTIFY wakes whoever listens in the whole database, and makes commits wait for each other. So one does for those of 30 ms: who was woken
-- looks once more when they are over (common/rest/events.c).
CREATE OR REPLACE FUNCTION announce_events() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    now_ms CONSTANT bigint := extract(epoch FROM clock_timestamp()) * 1000;
BEGIN
    IF abs(now_ms - (SELECT t.last_value FROM events_told t)) >= 30 THEN
        PERFORM setval('events_told', now_ms), pg_notify('events', '');
    END IF;
    RETURN NULL;
END $$;
