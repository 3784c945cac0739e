-- What this service knows of customers and opportunities, from the events of their services. Nobody else writes here.

-- Which keys values may be sealed with: common/rest/data_keys.h.
CREATE TABLE data_keys (
    name         text PRIMARY KEY,
    canary       bytea NOT NULL,
    created_time timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE customer_ref (
    customer_id    uuid PRIMARY KEY,
    customer_code  text NOT NULL,
    customer_name  text NOT NULL,
    customer_level text,
    credit_limit   numeric(15, 2), -- NULL: none, ...
    credit_known   boolean NOT NULL, -- ... or not told yet: no credit is given until it is
    status         text NOT NULL,
    created_by     uuid,
    version        integer NOT NULL,
    deleted_time   timestamptz,
    pinyin         text NOT NULL DEFAULT ''
);
CREATE INDEX customer_ref_creator ON customer_ref (created_by);
CREATE TRIGGER customer_ref_announce AFTER UPDATE ON customer_ref
    FOR EACH ROW EXECUTE FUNCTION announce_name('customer_id', 'customer_name');

CREATE TABLE opportunity_ref (
    opportunity_id   uuid PRIMARY KEY,
    opportunity_name text NOT NULL,
    customer_id      uuid NOT NULL,
    status           text NOT NULL,
    assigned_to      uuid,
    version          integer NOT NULL,
    deleted_time     timestamptz
);
CREATE INDEX opportunity_ref_owner ON opportunity_ref (assigned_to);
CREATE TRIGGER opportunity_ref_announce AFTER UPDATE ON opportunity_ref
    FOR EACH ROW EXECUTE FUNCTION announce_name('opportunity_id', 'opportunity_name');

-- Version 7 (RFC 9562): random bits behind the time in milliseconds.
CREATE FUNCTION uuid_v7() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING
        substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$$;

-- Each takes in what a feed tells (common/app/follow.h). A record as it is now may come before events that led to it.
CREATE FUNCTION customer_event(event jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO customer_ref AS c (customer_id, customer_code, customer_name, customer_level, credit_limit, credit_known, status,
                                   created_by, version, deleted_time, pinyin)
    SELECT (event ->> 'aggregate_id')::uuid, d ->> 'customer_code', d ->> 'customer_name', d ->> 'customer_level',
           (d ->> 'credit_limit')::numeric, d ? 'credit_limit', d ->> 'status', (d ->> 'created_by')::uuid, (event ->> 'version')::integer,
           (d ->> 'deleted_time')::timestamptz, coalesce(d ->> 'pinyin', '')
    FROM (SELECT event -> 'data' AS d) e
    ON CONFLICT (customer_id) DO UPDATE SET customer_code = excluded.customer_code, customer_name = excluded.customer_name,
        customer_level = excluded.customer_level, credit_limit = excluded.credit_limit, credit_known = excluded.credit_known,
        status = excluded.status, created_by = excluded.created_by, version = excluded.version, deleted_time = excluded.deleted_time, pinyin = excluded.pinyin
    WHERE c.version <= excluded.version
$$;

-- The same of a customer that a caller has just seen, who may not see the limit: the event that comes tells all.
CREATE FUNCTION customer_seen(event jsonb) RETURNS void LANGUAGE sql AS $$
    SELECT customer_event(jsonb_set(event #- '{data,credit_limit}', '{version}', '0'))
    WHERE NOT EXISTS (SELECT FROM customer_ref c WHERE c.customer_id = (event ->> 'aggregate_id')::uuid)
$$;

CREATE FUNCTION opportunity_event(event jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO opportunity_ref AS o (opportunity_id, opportunity_name, customer_id, status, assigned_to, version, deleted_time)
    SELECT (event ->> 'aggregate_id')::uuid, d ->> 'opportunity_name', (d ->> 'customer_id')::uuid, d ->> 'status',
           (d ->> 'assigned_to')::uuid, (event ->> 'version')::integer, (d ->> 'deleted_time')::timestamptz
    FROM (SELECT event -> 'data' AS d) e
    ON CONFLICT (opportunity_id) DO UPDATE SET opportunity_name = excluded.opportunity_name, customer_id = excluded.customer_id,
        status = excluded.status, assigned_to = excluded.assigned_to, version = excluded.version, deleted_time = excluded.deleted_time
    WHERE o.version <= excluded.version
$$;
