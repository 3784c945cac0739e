-- Records of what was asked and by whom, as the gateways bring them (gateway/courier.h). They are added, and never changed.

-- A chain for each day (UTC) of their time: each hash is of the one before and of the record, so that whoever changes, removes or slips in
-- one breaks all behind it.
CREATE TABLE audit_records (
    day               date NOT NULL,
    sequence          integer NOT NULL,
    hash              bytea NOT NULL,
    log_id            uuid NOT NULL,
    time              timestamptz NOT NULL,
    user_id           uuid,
    username          text,
    session_id        uuid,
    address           text,
    user_agent        text,
    client_request_id text,
    method            text NOT NULL,
    operation         text NOT NULL,
    path              text NOT NULL,
    resource_id       text,
    status            integer NOT NULL,
    error             text,
    reason            text,
    changes           jsonb,
    latency_us        bigint NOT NULL,
    created_by        uuid,
    created_time      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (day, sequence)
) PARTITION BY RANGE (day);
CREATE UNIQUE INDEX audit_records_log_id ON audit_records (day, log_id);
CREATE INDEX audit_records_time ON audit_records (time DESC, log_id DESC);
CREATE INDEX audit_records_user ON audit_records (user_id, time DESC);
CREATE INDEX audit_records_username ON audit_records (username, time DESC);
CREATE INDEX audit_records_address ON audit_records (address, time DESC);
CREATE INDEX audit_records_operation ON audit_records (operation, time DESC);
CREATE INDEX audit_records_resource ON audit_records (resource_id, time DESC);

-- As a resource of the REST layer.
CREATE VIEW audit_logs AS
    SELECT r.log_id, r.time, r.user_id, r.username, r.session_id, r.address, r.user_agent, r.client_request_id, r.method, r.operation,
           r.path, r.resource_id, r.status, r.error, r.reason, r.changes, r.latency_us, r.day, r.sequence, encode(r.hash, 'hex') AS hash, r.created_by,
           r.created_time, r.created_by AS updated_by, r.created_time AS updated_time, 1 AS version, NULL::timestamptz AS deleted_time,
           r.xmin AS xmin
    FROM audit_records r;
-- No event tells of records: their totals are counted.
CREATE FUNCTION audit_log_is_kept(a audit_logs) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT true $$;

CREATE FUNCTION audit_is_for_ever() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit records are not changed' USING ERRCODE = '42501';
END $$;
CREATE TRIGGER audit_logs_kept INSTEAD OF INSERT OR UPDATE OR DELETE ON audit_logs FOR EACH ROW EXECUTE FUNCTION audit_is_for_ever();
CREATE TRIGGER audit_records_kept BEFORE UPDATE OR DELETE ON audit_records FOR EACH ROW EXECUTE FUNCTION audit_is_for_ever();
CREATE TRIGGER audit_records_whole BEFORE TRUNCATE ON audit_records FOR EACH STATEMENT EXECUTE FUNCTION audit_is_for_ever();
REVOKE UPDATE, DELETE, TRUNCATE ON audit_records FROM CURRENT_USER;

-- What is hashed of a record.
CREATE FUNCTION audit_hash(before bytea, r audit_records) RETURNS bytea LANGUAGE sql IMMUTABLE SET timezone = 'UTC' AS $$
    SELECT sha256(before || convert_to((to_jsonb(r) - 'hash')::text, 'UTF8'))
$$;

CREATE FUNCTION audit_partition(of_day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text := 'audit_records_' || to_char(of_day, 'YYYYMMDD');
BEGIN
    IF to_regclass(name) IS NULL THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF audit_records FOR VALUES FROM (%L) TO (%L)', name, of_day, of_day + 1);
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %I FROM CURRENT_USER', name);
    END IF;
END $$;

-- How many records a day has, and the first that is not what it was, or whose predecessor is not. NULL: all are.
CREATE FUNCTION audit_verify(of_day date) RETURNS TABLE (records bigint, broken integer) LANGUAGE sql STABLE AS $$
    SELECT count(*), min(c.sequence) FILTER (WHERE c.sequence <> c.place OR c.hash <> audit_hash(c.before, c.record))
    FROM (SELECT a.sequence, a.hash, a AS record, row_number() OVER w AS place, coalesce(lag(a.hash) OVER w, '') AS before
          FROM audit_records a WHERE a.day = of_day WINDOW w AS (ORDER BY a.sequence)) c
$$;

-- --- retention: whole days, when an operator has said how many are kept -----------------------------------------------------

CREATE TABLE audit_retention (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    keep_days integer CHECK (keep_days > 0) -- NULL: for ever
);
INSERT INTO audit_retention DEFAULT VALUES;

CREATE FUNCTION audit_give_up() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT c.relname FROM audit_retention k, pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                WHERE i.inhparent = 'audit_records'::regclass
                  AND c.relname < 'audit_records_' || to_char((now() AT TIME ZONE 'UTC')::date - k.keep_days, 'YYYYMMDD') LOOP
        EXECUTE format('DROP TABLE %I', name);
    END LOOP;
END $$;

ALTER FUNCTION housekeeping() RENAME TO housekeeping_sessions;
CREATE FUNCTION housekeeping() RETURNS void LANGUAGE sql AS $$
    SELECT housekeeping_sessions();
    SELECT audit_give_up();
$$;
