-- What was not there before is nothing, also of a secret: rest_lean.sql told "***" for it. Linked as a later migration of the services that
-- have that.

CREATE OR REPLACE FUNCTION audit_told(value jsonb, is_secret boolean) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN coalesce(value, 'null') = 'null' THEN value WHEN is_secret THEN '"***"'
                WHEN length(value::text) > 300 THEN to_jsonb(left(value #>> '{}', 300) || '…') ELSE value END
$$;
