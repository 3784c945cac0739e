-- As in rest_lean.sql: two looks along the index instead of sorting what was found, keys taken out before values are compared, and the
-- transaction asked for where it is compared, as PostgreSQL plans anew for each value of a variable. Linked as a later migration of the
-- services that have that.

CREATE OR REPLACE FUNCTION audit_changes(of_record uuid, secrets text[]) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    was    jsonb;
    is_now jsonb;
BEGIN
    SELECT first.before, last.after INTO was, is_now
    FROM (SELECT o.before FROM outbox o WHERE o.turn >= pg_current_xact_id() AND o.xid = pg_current_xact_id() AND o.aggregate_id = of_record
          ORDER BY o.event_id LIMIT 1) first,
         (SELECT o.after FROM outbox o WHERE o.turn >= pg_current_xact_id() AND o.xid = pg_current_xact_id() AND o.aggregate_id = of_record
          ORDER BY o.event_id DESC LIMIT 1) last;
    RETURN (SELECT jsonb_object_agg(a.key, jsonb_build_array(audit_told(was -> a.key, a.key = ANY (secrets)), audit_told(a.value, a.key = ANY (secrets))))
            FROM jsonb_each(is_now - '{version,updated_by,updated_time,created_by,created_time,search_text,pinyin}'::text[]) a
            WHERE a.value IS DISTINCT FROM coalesce(was -> a.key, 'null') AND a.key NOT LIKE '%\_index' AND a.key NOT LIKE '%\_hash');
END $$;
