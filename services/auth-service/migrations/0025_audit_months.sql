-- A partition for each month (UTC) in place of one for each day. Who looks for records by anything but their day looks in all of them: after two
-- years of days, each login took 0.7 s to be recorded, one after another, and a list 0.5 s to be planned.

SELECT pg_advisory_xact_lock(hashtextextended('audit_records', 0)); -- as audit_add() does; what the gateways bring waits with them

CREATE FUNCTION audit_month(month date) RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'audit_records_' || to_char(month, 'YYYYMM') $$;

-- The table with the records of a month becomes their partition.
CREATE FUNCTION audit_attach(month date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE audit_records ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', audit_month(month), month,
                   (month + interval '1 month')::date);
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %I FROM CURRENT_USER', audit_month(month));
END $$;

CREATE OR REPLACE FUNCTION audit_partition(of_day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    month date := date_trunc('month', of_day);
BEGIN
    IF to_regclass(audit_month(month)) IS NULL THEN
        EXECUTE format('CREATE TABLE %I (LIKE audit_records)', audit_month(month));
        PERFORM audit_attach(month);
    END IF;
END $$;

DO $$
DECLARE
    month date;
    days  text[];
    day   text;
BEGIN
    FOR month, days IN SELECT to_date(substr(c.relname, length('audit_records_') + 1, 6), 'YYYYMM'), array_agg(c.relname ORDER BY c.relname)
                       FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'audit_records'::regclass GROUP BY 1 LOOP
        EXECUTE format('CREATE TABLE %I (LIKE audit_records)', audit_month(month));
        FOREACH day IN ARRAY days LOOP
            EXECUTE format('INSERT INTO %I SELECT * FROM %I', audit_month(month), day);
            EXECUTE format('DROP TABLE %I', day);
        END LOOP;
        PERFORM audit_attach(month);
    END LOOP;
END $$;

CREATE INDEX audit_records_day ON audit_records (day, time DESC, log_id DESC);

-- As in 0024_audit_lists.sql; now months that are wholly older than the days that are kept.
CREATE OR REPLACE FUNCTION audit_give_up() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT c.relname FROM audit_retention k, pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                WHERE i.inhparent = 'audit_records'::regclass
                  AND c.relname < audit_month((now() AT TIME ZONE 'UTC')::date - k.keep_days) LOOP
        EXECUTE format('DROP TABLE %I', name);
        INSERT INTO audit_logs_gone DEFAULT VALUES;
    END LOOP;
END $$;

-- As in 0017_audit_page.sql; PL/pgSQL keeps the plan.
CREATE OR REPLACE FUNCTION security_has_logged_in(r audit_records, from_there boolean) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM audit_records a WHERE a.username = r.username AND a.operation = 'login' AND a.status = 200
                   AND (a.address = r.address) = from_there AND (a.day, a.sequence) < (r.day, r.sequence));
END $$;
