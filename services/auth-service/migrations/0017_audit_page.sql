-- What the gateways bring is added a page at a time: one statement for all records of a day in place of one for each.

-- What is hashed of a record; the session's time zone is UTC.
CREATE FUNCTION audit_text(r audit_records) RETURNS text LANGUAGE sql STABLE AS $$ SELECT (to_jsonb(r) - 'hash')::text $$;
-- The hash of a record, from the one before it, or from `first` when there is none. PL/pgSQL calls it faster than SQL would.
CREATE FUNCTION audit_next(before bytea, first bytea, record text) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN sha256(coalesce(before, first) || convert_to(record, 'UTF8'));
END $$;
CREATE OR REPLACE FUNCTION audit_hash(before bytea, r audit_records) RETURNS bytea LANGUAGE sql IMMUTABLE SET timezone = 'UTC' AS $$
    SELECT audit_next(before, NULL, audit_text(r))
$$;
CREATE AGGREGATE audit_chain (first bytea, record text) (sfunc = audit_next, stype = bytea);

-- A login from where the user has never been, of one who has been somewhere: as the records before this one say.
CREATE FUNCTION security_has_logged_in(r audit_records, from_there boolean) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM audit_records a WHERE a.username = r.username AND a.operation = 'login' AND a.status = 200
                   AND (a.address = r.address) = from_there AND (a.day, a.sequence) < (r.day, r.sequence))
$$;
CREATE OR REPLACE FUNCTION security_new_address(r audit_records) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT security_has_logged_in(r, true) AND security_has_logged_in(r, false)
$$;

-- Those of a day that are not there yet, in the order in which they came: behind the last one of that day.
CREATE FUNCTION audit_add_day(records jsonb, of_day date, by_client uuid) RETURNS integer LANGUAGE plpgsql SET timezone = 'UTC' AS $$
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
    PERFORM security_alert_add(jsonb_build_object('alert_id', gen_random_uuid(), 'time', r.time, 'rule', 'NEW_ADDRESS',
            'subject_kind', 'account', 'subject', r.username, 'hits', 1, 'address', r.address, 'request_id', r.log_id), by_client)
    FROM audit_records r
    WHERE r.day = of_day AND r.sequence > coalesce(last.sequence, 0) AND r.operation = 'login' AND r.status = 200 AND security_new_address(r);
    RETURN added;
END $$;

-- Adds what the gateways bring, records and alerts, as far as it is not there yet; how many records. One at a time: a chain has one end.
CREATE OR REPLACE FUNCTION audit_add(records jsonb, by_client uuid) RETURNS integer LANGUAGE plpgsql SET timezone = 'UTC' AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('audit_records', 0));
    PERFORM security_alert_add(e.value, by_client) FROM jsonb_array_elements(records) AS e WHERE e.value ? 'alert_id';
    RETURN coalesce((SELECT sum(audit_add_day(records, d.day, by_client)) FROM (
        SELECT DISTINCT ((e.value ->> 'time')::timestamptz)::date AS day FROM jsonb_array_elements(records) AS e
        WHERE NOT e.value ? 'alert_id' ORDER BY 1) d), 0);
END $$;
