-- What lists are filtered and sorted by, and had no index; totals of the audit's records, which were counted for each page.

CREATE INDEX users_by_username ON users (username, user_id) WHERE deleted_time IS NULL;
CREATE INDEX users_name ON users (name, user_id) WHERE deleted_time IS NULL;
CREATE INDEX users_updated ON users (updated_time DESC, user_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX users_status ON users (status, created_time DESC, user_id DESC) WHERE deleted_time IS NULL;

-- What many records have in common is indexed in the whole order of a list: else a list of it is looked for along the time, where there may
-- have been others only for hours.
CREATE INDEX audit_records_session ON audit_records (session_id, time DESC);
CREATE INDEX audit_records_client_request ON audit_records (client_request_id, time DESC);
CREATE INDEX audit_records_method ON audit_records (method, time DESC, log_id DESC);
CREATE INDEX audit_records_status ON audit_records (status, time DESC, log_id DESC);
CREATE INDEX audit_records_error ON audit_records (error, time DESC, log_id DESC) WHERE error IS NOT NULL;
DROP INDEX audit_records_operation;
CREATE INDEX audit_records_operation ON audit_records (operation, time DESC, log_id DESC);

-- Which records came in a transaction. A stored total holds for its snapshot, and for what came since.
CREATE TABLE audit_arrivals (
    turn         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    day          date NOT NULL,
    first        integer NOT NULL,
    last         integer NOT NULL,
    created_time timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX audit_arrivals_turn ON audit_arrivals (turn);
CREATE INDEX audit_arrivals_age ON audit_arrivals (created_time);
CREATE FUNCTION audit_arrivals_since(snapshot pg_snapshot) RETURNS SETOF audit_arrivals LANGUAGE sql STABLE AS $$
    SELECT * FROM audit_arrivals a WHERE a.turn >= pg_snapshot_xmin(snapshot) AND NOT pg_visible_in_snapshot(a.turn, snapshot)
$$;
CREATE FUNCTION audit_logs_new(snapshot pg_snapshot) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT coalesce(sum(a.last - a.first + 1), 0) FROM audit_arrivals_since(snapshot) a);
END $$;
-- Planned for each day that is looked at: a plan for whatever day it may be takes longer than all else, as it is made of all partitions.
CREATE FUNCTION audit_logs_since(snapshot pg_snapshot) RETURNS SETOF audit_logs LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    came audit_arrivals;
BEGIN
    FOR came IN SELECT * FROM audit_arrivals_since(snapshot) LOOP
        RETURN QUERY SELECT * FROM audit_logs l WHERE l.day = came.day AND l.sequence BETWEEN came.first AND came.last;
    END LOOP;
END $$;

-- Transactions that gave up records: no total that is stored from before holds.
CREATE TABLE audit_logs_gone (
    turn         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    created_time timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX audit_logs_gone_turn ON audit_logs_gone (turn);

-- As in 0014_audit.sql.
CREATE OR REPLACE FUNCTION audit_give_up() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT c.relname FROM audit_retention k, pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                WHERE i.inhparent = 'audit_records'::regclass
                  AND c.relname < 'audit_records_' || to_char((now() AT TIME ZONE 'UTC')::date - k.keep_days, 'YYYYMMDD') LOOP
        EXECUTE format('DROP TABLE %I', name);
        INSERT INTO audit_logs_gone DEFAULT VALUES;
    END LOOP;
END $$;

-- No total is kept for longer than a day.
ALTER FUNCTION housekeeping() RENAME TO housekeeping_records;
CREATE FUNCTION housekeeping() RETURNS void LANGUAGE sql AS $$
    SELECT housekeeping_records();
    DELETE FROM audit_arrivals WHERE created_time < now() - interval '2 days';
    DELETE FROM audit_logs_gone WHERE created_time < now() - interval '2 days';
$$;

-- As in 0017_audit_page.sql.
CREATE OR REPLACE FUNCTION audit_add_day(records jsonb, of_day date, by_client uuid) RETURNS integer LANGUAGE plpgsql SET timezone = 'UTC' AS $$
DECLARE
    last  audit_records;
    added integer;
BEGIN
    PERFORM audit_partition(of_day);
    SELECT a.* INTO last FROM audit_records a WHERE a.day = of_day ORDER BY a.sequence DESC LIMIT 1;
    INSERT INTO audit_records (day, sequence, hash, log_id, time, user_id, username, session_id, address, user_agent, client_request_id,
                               method, operation, path, resource_id, status, error, reason, changes, latency_us, created_by, created_time)
    SELECT r.day, r.sequence, audit_chain(coalesce(last.hash, ''), audit_text(r)) OVER (ORDER BY r.sequence),
           r.log_id, r.time, r.user_id, r.username, r.session_id, r.address, r.user_agent, r.client_request_id,
           r.method, r.operation, r.path, r.resource_id, r.status, r.error, r.reason, r.changes, r.latency_us, r.created_by, r.created_time
    FROM (SELECT e.value, row_number() OVER (ORDER BY min(e.place)) AS nth
          FROM jsonb_array_elements(records) WITH ORDINALITY AS e (value, place)
          WHERE NOT e.value ? 'alert_id' AND ((e.value ->> 'time')::timestamptz)::date = of_day
            AND NOT EXISTS (SELECT FROM audit_records a WHERE a.day = of_day AND a.log_id = (e.value ->> 'log_id')::uuid)
          GROUP BY e.value) n,
         jsonb_populate_record(NULL::audit_records, n.value || jsonb_build_object('day', of_day, 'sequence', coalesce(last.sequence, 0) + n.nth,
                               'created_by', by_client, 'created_time', now())) AS r;
    GET DIAGNOSTICS added = ROW_COUNT;
    INSERT INTO audit_arrivals (day, first, last) SELECT of_day, coalesce(last.sequence, 0) + 1, coalesce(last.sequence, 0) + added WHERE added > 0;
    PERFORM security_alert_add(jsonb_build_object('alert_id', gen_random_uuid(), 'time', r.time, 'rule', 'NEW_ADDRESS',
            'subject_kind', 'account', 'subject', r.username, 'hits', 1, 'address', r.address, 'request_id', r.log_id), by_client)
    FROM audit_records r
    WHERE r.day = of_day AND r.sequence > coalesce(last.sequence, 0) AND r.operation = 'login' AND r.status = 200 AND security_new_address(r);
    RETURN added;
END $$;
