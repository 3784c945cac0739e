-- What the gateways find unusual (gateway/watch.h), and what only the records of before can tell.

CREATE TABLE security_alerts (
    alert_id     uuid PRIMARY KEY,
    time         timestamptz NOT NULL,
    rule         text NOT NULL,
    subject_kind text NOT NULL,
    subject      text NOT NULL,
    hits         integer NOT NULL,
    window_s     integer,
    address      text,
    request_id   uuid,
    denied_until timestamptz,
    told_time    timestamptz,
    told_due     timestamptz NOT NULL DEFAULT now(), -- to the webhook, when there is one
    created_by   uuid,
    created_time timestamptz NOT NULL DEFAULT now(),
    updated_by   uuid,
    updated_time timestamptz NOT NULL DEFAULT now(),
    version      integer NOT NULL DEFAULT 1,
    deleted_time timestamptz
);
CREATE INDEX security_alerts_time ON security_alerts (time DESC, alert_id DESC) WHERE deleted_time IS NULL;
CREATE TRIGGER security_alerts_event AFTER INSERT ON security_alerts
    FOR EACH ROW EXECUTE FUNCTION record_event('security_alert', 'alert_id');

-- An address is denied for a while, unless a rule about it is there already, when the gateway is set so.
CREATE FUNCTION security_alert_add(entry jsonb, by_client uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    s     security_alerts := jsonb_populate_record(NULL::security_alerts, entry);
    block interval := (entry ->> 'block_s')::integer * interval '1 s';
BEGIN
    IF EXISTS (SELECT FROM security_alerts a WHERE a.alert_id = s.alert_id) THEN
        RETURN;
    END IF;
    IF s.subject_kind = 'address' AND block > interval '0' AND NOT EXISTS (
        SELECT FROM ip_rules r WHERE r.cidr = (s.subject::inet)::cidr::text AND r.route_class = 'ALL' AND r.deleted_time IS NULL) THEN
        s.denied_until := s.time + block;
        INSERT INTO ip_rules (rule_id, cidr, action, reason, expires_time, created_by, updated_by)
        VALUES (gen_random_uuid(), s.subject, 'DENY', s.rule || ' ' || s.alert_id, s.denied_until, by_client, by_client);
    END IF;
    INSERT INTO security_alerts (alert_id, time, rule, subject_kind, subject, hits, window_s, address, request_id, denied_until,
                                 created_by, updated_by)
    VALUES (s.alert_id, s.time, s.rule, s.subject_kind, s.subject, s.hits, s.window_s, s.address, s.request_id, s.denied_until,
            by_client, by_client);
END $$;

-- A login from where the user has never been, of one who has been somewhere.
CREATE FUNCTION security_new_address(r audit_records) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT r.operation = 'login' AND r.status = 200 AND EXISTS (
        SELECT FROM audit_records a WHERE a.username = r.username AND a.operation = 'login' AND a.status = 200 AND a.address <> r.address)
        AND NOT EXISTS (
        SELECT FROM audit_records a WHERE a.username = r.username AND a.operation = 'login' AND a.status = 200 AND a.address = r.address)
$$;

-- Adds what the gateways bring, records and alerts, as far as it is not there yet; how many records. One at a time: a chain has one end.
CREATE FUNCTION audit_add(records jsonb, by_client uuid) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    r     audit_records;
    entry jsonb;
    last  audit_records;
    added integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('audit_records', 0));
    FOR entry IN SELECT * FROM jsonb_array_elements(records) LOOP
        IF entry ? 'alert_id' THEN
            PERFORM security_alert_add(entry, by_client);
            CONTINUE;
        END IF;
        r := jsonb_populate_record(NULL::audit_records, entry);
        r.day := (r.time AT TIME ZONE 'UTC')::date;
        r.created_by := by_client;
        r.created_time := now();
        IF r.day IS DISTINCT FROM last.day THEN
            PERFORM audit_partition(r.day);
            last := NULL;
            SELECT a.* INTO last FROM audit_records a WHERE a.day = r.day ORDER BY a.sequence DESC LIMIT 1;
        END IF;
        CONTINUE WHEN EXISTS (SELECT FROM audit_records a WHERE a.day = r.day AND a.log_id = r.log_id);
        IF security_new_address(r) THEN
            PERFORM security_alert_add(jsonb_build_object('alert_id', gen_random_uuid(), 'time', r.time, 'rule', 'NEW_ADDRESS',
                'subject_kind', 'account', 'subject', r.username, 'hits', 1, 'address', r.address, 'request_id', r.log_id), by_client);
        END IF;
        r.sequence := coalesce(last.sequence, 0) + 1;
        r.hash := audit_hash(coalesce(last.hash, ''), r);
        INSERT INTO audit_records SELECT r.*;
        last := r;
        added := added + 1;
    END LOOP;
    RETURN added;
END $$;

-- --- the webhook (services/auth-service/webhook.c) ---------------------------------------------------------------------------

CREATE INDEX security_alerts_told ON security_alerts (told_due) WHERE told_time IS NULL;

-- The one that is longest due, held for a while. What is older than a day is no news.
CREATE FUNCTION security_alert_claim() RETURNS SETOF security_alerts LANGUAGE sql AS $$
    UPDATE security_alerts SET told_due = clock_timestamp() + interval '15 seconds'
    WHERE alert_id = (SELECT a.alert_id FROM security_alerts a WHERE a.told_time IS NULL AND a.told_due <= clock_timestamp()
                      AND a.time > now() - interval '1 day' ORDER BY a.told_due LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING *
$$;
CREATE FUNCTION security_alert_told(of_alert uuid, status integer) RETURNS void LANGUAGE sql AS $$
    UPDATE security_alerts SET told_time = CASE WHEN status BETWEEN 200 AND 299 THEN now() END,
                               told_due = clock_timestamp() + interval '1 minute' WHERE alert_id = of_alert
$$;
