-- What every write costs. Linked as a later migration of the services that have rest_changes.sql and rest_feed_2.sql.

-- As in rest_feed_2.sql, on a channel of the schema's own: those who wait for another's events had to look for nothing.
CREATE OR REPLACE FUNCTION announce_events() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    now_ms CONSTANT bigint := extract(epoch FROM clock_timestamp()) * 1000;
BEGIN
    IF abs(now_ms - coalesce(pg_sequence_last_value('events_told'), 0)) >= 30 THEN
        PERFORM setval('events_told', now_ms), pg_notify(TG_TABLE_SCHEMA || '.events', '');
    END IF;
    RETURN NULL;
END $$;

-- A value as the audit tells it. One expression: it becomes part of the query that calls it.
CREATE FUNCTION audit_told(value jsonb, is_secret boolean) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN value = 'null' THEN value WHEN is_secret THEN '"***"'
                WHEN length(value::text) > 300 THEN to_jsonb(left(value #>> '{}', 300) || '…') ELSE value END
$$;

-- As in rest_changes.sql, where PostgreSQL planned it for each call, which took longer than the write that it tells of.
CREATE OR REPLACE FUNCTION audit_changes(of_record uuid, secrets text[]) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    own    CONSTANT xid8 := pg_current_xact_id();
    was    jsonb;
    is_now jsonb;
BEGIN
    SELECT (array_agg(o.before ORDER BY o.event_id))[1], (array_agg(o.after ORDER BY o.event_id DESC))[1] INTO was, is_now
    FROM outbox o WHERE o.turn >= own AND o.xid = own AND o.aggregate_id = of_record;
    RETURN (SELECT jsonb_object_agg(a.key, jsonb_build_array(audit_told(was -> a.key, a.key = ANY (secrets)), audit_told(a.value, a.key = ANY (secrets))))
            FROM jsonb_each(is_now) a
            WHERE a.value IS DISTINCT FROM coalesce(was -> a.key, 'null')
              AND a.key <> ALL ('{version,updated_by,updated_time,created_by,created_time,search_text,pinyin}')
              AND a.key NOT LIKE '%\_index' AND a.key NOT LIKE '%\_hash');
END $$;
