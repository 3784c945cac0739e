-- What a transaction has changed of a record, for the audit (common/rest/outcome.c). Linked as a later migration of the services that have
-- rest.sql.

-- {"<field>": [before, after]} of the record's own event in this transaction, or of the first and the last of several; NULL: nothing. What is
-- secret is told as such; long values are cut.
CREATE FUNCTION audit_changes(of_record uuid, secrets text[]) RETURNS jsonb LANGUAGE sql STABLE AS $$
    WITH mine AS (SELECT o.* FROM outbox o WHERE o.turn >= pg_current_xact_id() AND o.xid = pg_current_xact_id() AND o.aggregate_id = of_record),
         ends AS (SELECT (SELECT m.before FROM mine m ORDER BY m.event_id LIMIT 1) AS before,
                         (SELECT m.after FROM mine m ORDER BY m.event_id DESC LIMIT 1) AS after)
    SELECT jsonb_object_agg(a.key, jsonb_build_array(CASE WHEN e.before -> a.key <> 'null' THEN s.told ELSE e.before -> a.key END,
                                                     CASE WHEN a.value <> 'null' THEN t.told ELSE a.value END))
    FROM ends e, jsonb_each(e.after) a,
         LATERAL (SELECT CASE WHEN a.key = ANY (secrets) THEN '"***"' WHEN length((e.before -> a.key)::text) > 300
                              THEN to_jsonb(left(e.before ->> a.key, 300) || '…') ELSE e.before -> a.key END AS told) s,
         LATERAL (SELECT CASE WHEN a.key = ANY (secrets) THEN '"***"' WHEN length(a.value::text) > 300
                              THEN to_jsonb(left(e.after ->> a.key, 300) || '…') ELSE a.value END AS told) t
    WHERE a.value IS DISTINCT FROM coalesce(e.before -> a.key, 'null') AND a.key <> ALL ('{version,updated_by,updated_time,created_by,created_time,search_text,pinyin}')
      AND a.key NOT LIKE '%\_index' AND a.key NOT LIKE '%\_hash'
$$;
