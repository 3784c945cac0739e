-- What the generic REST layer needs beyond rest.sql. Linked as a later migration of the services that use it.

-- Trigger of every resource table: record_event('<aggregate>', '<id column>', columns that no event may carry ...).
CREATE OR REPLACE FUNCTION record_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    hidden text[] := TG_ARGV[2:];
    image  jsonb := to_jsonb(NEW) - hidden;
    verb   text := CASE WHEN TG_OP = 'INSERT' THEN 'created'
                        WHEN OLD.deleted_time IS NULL AND NEW.deleted_time IS NOT NULL THEN 'deleted'
                        WHEN OLD.deleted_time IS NOT NULL AND NEW.deleted_time IS NULL THEN 'restored'
                        ELSE 'updated' END;
BEGIN
    INSERT INTO outbox (aggregate, aggregate_id, type, version, before, after)
    VALUES (TG_ARGV[0], (image ->> TG_ARGV[1])::uuid, TG_ARGV[0] || '.' || verb, NEW.version,
            CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) - hidden END, image);
    RETURN NULL;
END $$;

-- CR409 with the reasons as DETAIL when there are any: {"<field>": "<reason>"}. What the record is, or what hangs on it, forbids this.
CREATE FUNCTION conflict(reasons jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF jsonb_strip_nulls(reasons) <> '{}' THEN
        RAISE EXCEPTION 'conflict' USING ERRCODE = 'CR409', DETAIL = jsonb_strip_nulls(reasons)::text;
    END IF;
END $$;
