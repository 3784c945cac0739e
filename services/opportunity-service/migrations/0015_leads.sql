-- Leads, their follow-up and their conversion. Column names are the property names of proto-json-schemas.

-- Which keys values may be sealed with: common/rest/data_keys.h.
CREATE TABLE data_keys (
    name         text PRIMARY KEY,
    canary       bytea NOT NULL,
    created_time timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE leads (
    lead_id                  uuid PRIMARY KEY,
    lead_name                text NOT NULL,
    company_name             text,
    contact_name             text,
    title                    text,
    phone                    bytea,
    phone_index              bytea,
    email                    bytea,
    email_index              bytea,
    address                  bytea,
    source_channel           text,
    product_type             text,
    estimated_amount         numeric(15, 2) NOT NULL DEFAULT 0 CHECK (estimated_amount >= 0),
    allow_duplicate          boolean NOT NULL DEFAULT false,
    status                   text NOT NULL DEFAULT '未跟进',
    assigned_to              uuid,
    assign_reason            text,
    next_follow_time         timestamptz,
    last_contact_time        timestamptz,
    follow_up_note           text,
    converted_customer_id    uuid,
    converted_opportunity_id uuid REFERENCES opportunities,
    converted_time           timestamptz,
    tags                     json,
    created_by               uuid,
    created_time             timestamptz NOT NULL DEFAULT now(),
    updated_by               uuid,
    updated_time             timestamptz NOT NULL DEFAULT now(),
    description              text,
    version                  integer NOT NULL DEFAULT 1,
    deleted_time             timestamptz,
    pinyin                   text NOT NULL DEFAULT '',
    search_text              text GENERATED ALWAYS AS (lower(lead_name || E'\n' || coalesce(company_name, '') || E'\n'
                                                       || coalesce(contact_name, '') || E'\n' || pinyin)) STORED,
    CHECK ((status = '已转化') = (converted_time IS NOT NULL) AND (converted_time IS NULL) = (converted_customer_id IS NULL))
);

-- A list is "one filter, newest first": the index gives the page as a range and the total without touching the table.
CREATE INDEX leads_created ON leads (created_time DESC, lead_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX leads_updated ON leads (updated_time DESC, lead_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX leads_name ON leads (lead_name, lead_id) WHERE deleted_time IS NULL;
CREATE INDEX leads_amount ON leads (estimated_amount DESC, lead_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX leads_status ON leads (status, created_time DESC, lead_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX leads_source ON leads (source_channel, created_time DESC, lead_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX leads_owner ON leads (assigned_to, created_time DESC, lead_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX leads_phone ON leads (phone_index) WHERE deleted_time IS NULL;
CREATE INDEX leads_email ON leads (email_index) WHERE deleted_time IS NULL;
CREATE INDEX leads_company ON leads (lower(company_name)) WHERE deleted_time IS NULL;
CREATE INDEX leads_search ON leads USING gin (search_text public.gin_trgm_ops) WHERE deleted_time IS NULL;
CREATE INDEX leads_grams ON leads USING gin (search_grams(search_text)) WHERE deleted_time IS NULL;
-- A keyword that many have is counted by looking through all texts, which here lie closer together than in the table.
CREATE INDEX leads_texts ON leads (lead_id) INCLUDE (search_text) WHERE deleted_time IS NULL;
CREATE INDEX customer_ref_name ON customer_ref (lower(customer_name)) WHERE deleted_time IS NULL;

-- --- duplicates ----------------------------------------------------------------------------------------------------------

CREATE FUNCTION lead_is_open(status text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT status IN ('未跟进', '跟进中', '转化中')
$$;

-- Another lead that is worked on and has this phone or e-mail. Of one that somebody else is responsible for only the fact is told:
-- the id is shown to its own people alone. Writers of the same value come one after the other. Two locks are always taken in the
-- order of their numbers, so that no two wait for each other.
CREATE FUNCTION lead_refuse_duplicate(l leads) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(k.key) FROM (
        SELECT hashtextextended('leads' || encode(i, 'hex'), 0) AS key FROM unnest(ARRAY[l.phone_index, l.email_index]) i
        WHERE i IS NOT NULL ORDER BY 1) k;
    PERFORM refuse(coalesce((
        SELECT jsonb_object_agg(d.field, d.existing) FROM (
            SELECT DISTINCT ON (f.field) f.field,
                   CASE WHEN o.assigned_to = l.assigned_to THEN o.lead_id::text ELSE '' END AS existing
            FROM (VALUES ('phone', l.phone_index), ('email', l.email_index)) f (field, value)
            JOIN leads o ON CASE f.field WHEN 'phone' THEN o.phone_index ELSE o.email_index END = f.value
            WHERE o.lead_id <> l.lead_id AND o.deleted_time IS NULL AND lead_is_open(o.status)
              AND (o.phone_index = l.phone_index OR o.email_index = l.email_index)
            ORDER BY f.field, o.assigned_to IS DISTINCT FROM l.assigned_to, o.created_time, o.lead_id) d), '{}'));
END $$;

CREATE FUNCTION lead_before_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.assigned_to := coalesce(NEW.assigned_to, NEW.created_by);
    NEW.allow_duplicate := coalesce(NEW.allow_duplicate, false);
    NEW.estimated_amount := coalesce(NEW.estimated_amount, 0);
    -- Who converts it relies on what it is; what is no change of it (a contact's time) may come.
    IF TG_OP = 'UPDATE' AND OLD.status = '转化中' AND NEW.status = '转化中' AND NEW.version <> OLD.version THEN
        PERFORM conflict('{"status": "the lead is being converted"}');
    END IF;
    IF NEW.deleted_time IS NULL AND lead_is_open(NEW.status) AND NOT NEW.allow_duplicate
       AND (TG_OP = 'INSERT' OR OLD.deleted_time IS NOT NULL OR OLD.allow_duplicate OR NOT lead_is_open(OLD.status)
            OR (NEW.phone_index, NEW.email_index) IS DISTINCT FROM (OLD.phone_index, OLD.email_index))
       AND current_setting('crm.resealing', true) IS DISTINCT FROM 'on' THEN
        PERFORM lead_refuse_duplicate(NEW);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER leads_before BEFORE INSERT OR UPDATE ON leads FOR EACH ROW EXECUTE FUNCTION lead_before_write();

-- --- procedures ----------------------------------------------------------------------------------------------------------

-- POST /leads/{id}/assign. That the user is there and active has been checked as a reference.
CREATE FUNCTION lead_assign(was leads, by_user uuid, body jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE leads l SET assigned_to = (body ->> 'assigned_to')::uuid, assign_reason = body ->> 'reason',
                       version = l.version + 1, updated_by = by_user, updated_time = now()
    WHERE l.lead_id = was.lead_id;
END $$;

CREATE FUNCTION lead_refuse_converted(was leads) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF was.status IN ('转化中', '已转化') THEN
        PERFORM conflict(jsonb_strip_nulls(jsonb_build_object(
            'status', CASE was.status WHEN '已转化' THEN 'the lead is converted' ELSE 'the lead is being converted' END,
            'converted_customer_id', was.converted_customer_id, 'converted_opportunity_id', was.converted_opportunity_id)));
    END IF;
END $$;

-- POST /leads/{id}/follow-up
CREATE FUNCTION lead_follow_up(was leads, by_user uuid, body jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    becomes text := body ->> 'status';
BEGIN
    PERFORM lead_refuse_converted(was);
    PERFORM refuse(jsonb_strip_nulls(jsonb_build_object(
        'status', CASE WHEN becomes IN ('转化中', '已转化') THEN
            '{"reason": "comes from POST /api/v1/leads/{lead_id}/convert", "allowed": ["未跟进", "跟进中", "无效"]}'::jsonb END,
        'follow_up_note', CASE WHEN becomes = '无效' AND coalesce(btrim(body ->> 'follow_up_note'), '') = '' THEN
            '{"reason": "must say why the lead is invalid"}'::jsonb END)));
    UPDATE leads l SET status = becomes, follow_up_note = coalesce(body ->> 'follow_up_note', l.follow_up_note),
                       next_follow_time = CASE WHEN becomes <> '无效' THEN (body ->> 'next_follow_time')::timestamptz END,
                       last_contact_time = CASE WHEN becomes = '跟进中' THEN now() ELSE l.last_contact_time END,
                       version = l.version + 1, updated_by = by_user, updated_time = now()
    WHERE l.lead_id = was.lead_id;
END $$;

-- --- conversion ----------------------------------------------------------------------------------------------------------

-- The stage that a new opportunity begins in: the one that is named, else the first of the default pipeline. It stays as it is until the
-- end of the transaction.
CREATE FUNCTION opportunity_first_stage(named uuid) RETURNS stages LANGUAGE plpgsql AS $$
DECLARE
    stage stages;
BEGIN
    SELECT s.* INTO stage FROM stages s WHERE s.deleted_time IS NULL AND s.stage_id = coalesce(named, (
        SELECT f.stage_id FROM stages f JOIN pipelines p USING (pipeline_id)
        WHERE p.is_default AND f.stage_kind = '进行中' AND f.is_active AND f.deleted_time IS NULL
        ORDER BY f.sort_order, f.stage_id LIMIT 1)) FOR SHARE;
    RETURN stage;
END $$;

-- Why an opportunity cannot begin in it; NULL: it can.
CREATE FUNCTION opportunity_stage_fault(stage stages) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN stage.stage_kind IS DISTINCT FROM '进行中' OR NOT stage.is_active THEN
        jsonb_build_object('reason', 'is not an open stage in use', 'allowed', (
            SELECT coalesce(jsonb_agg(s.stage_name ORDER BY s.sort_order, s.stage_id), '[]') FROM stages s
            JOIN pipelines p USING (pipeline_id) WHERE s.stage_kind = '进行中' AND s.is_active AND s.deleted_time IS NULL
            AND CASE WHEN stage.pipeline_id IS NULL THEN p.is_default ELSE s.pipeline_id = stage.pipeline_id END)) END
$$;

CREATE OR REPLACE FUNCTION opportunity_begin() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    stage stages := opportunity_first_stage(NEW.sales_stage_id);
BEGIN
    PERFORM refuse(jsonb_strip_nulls(jsonb_build_object(
        'sales_stage_id', opportunity_stage_fault(stage),
        'status', CASE WHEN opportunity_is_closed(NEW.status) THEN
            '{"reason": "of a new opportunity is an open one", "allowed": ["进行中", "已搁置"]}'::jsonb END)));
    NEW.sales_stage_id := stage.stage_id;
    NEW.pipeline_id := stage.pipeline_id;
    NEW.win_probability := coalesce(NEW.win_probability, stage.win_probability);
    NEW.assigned_to := coalesce(NEW.assigned_to, NEW.created_by);
    NEW.estimated_amount := coalesce(NEW.estimated_amount, 0);
    RETURN NEW;
END $$;

-- The end of every conversion: the opportunity and the end of the lead. It goes by the lead's name, so its pinyin holds, too. The
-- customer is locked, so that it cannot be deleted meanwhile.
CREATE FUNCTION lead_become(was leads, customer uuid, by_user uuid, body jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    opportunity uuid;
BEGIN
    PERFORM FROM customer_ref c WHERE c.customer_id = customer AND c.deleted_time IS NULL FOR SHARE;
    IF NOT FOUND THEN
        PERFORM refuse('{"customer_id": "missing"}');
    END IF;
    IF coalesce((body ->> 'create_opportunity')::boolean, true) THEN
        INSERT INTO opportunities (opportunity_id, opportunity_name, customer_id, lead_id, product_type, estimated_amount,
                                   expected_close_date, sales_stage_id, assigned_to, status, created_by, updated_by, pinyin)
        VALUES (uuid_v7(), was.lead_name, customer, was.lead_id, was.product_type,
                coalesce((body ->> 'estimated_amount')::numeric, was.estimated_amount), (body ->> 'expected_close_date')::date,
                (body ->> 'sales_stage_id')::uuid, was.assigned_to, '进行中', by_user, by_user, was.pinyin)
        RETURNING opportunity_id INTO opportunity;
    END IF;
    UPDATE leads l SET status = '已转化', converted_customer_id = customer, converted_opportunity_id = opportunity,
                       converted_time = now(), next_follow_time = NULL,
                       version = l.version + 1, updated_by = by_user, updated_time = now()
    WHERE l.lead_id = was.lead_id;
END $$;

-- Conversions to customers that are still to be made, which customer-service does (conversion.c). Written before it is asked: the ids
-- are known from then on, so whoever goes on, and however often, makes the same ones. Whoever goes on holds it until `due`.
CREATE TABLE lead_conversions (
    lead_id       uuid PRIMARY KEY REFERENCES leads,
    customer_id   uuid NOT NULL DEFAULT uuid_v7(),
    contact_id    uuid,
    customer_name text NOT NULL,
    customer_type text NOT NULL,
    body          jsonb NOT NULL, -- of the request: what the opportunity is to be
    was_status    text NOT NULL,  -- of the lead, which it gets back when customer-service refuses
    by_user       uuid NOT NULL,
    attempts      integer NOT NULL DEFAULT 0,
    due           timestamptz NOT NULL,
    created_time  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX lead_conversions_due ON lead_conversions (due);

-- As in 0014, but what an event does not tell stays: a reply of getCustomerById has no pinyin.
CREATE OR REPLACE FUNCTION customer_event(event jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    data jsonb := event -> 'data';
BEGIN
    INSERT INTO customer_ref AS c (customer_id, customer_code, customer_name, customer_level, status, created_by, version,
                                   deleted_time, pinyin)
    VALUES ((event ->> 'aggregate_id')::uuid, data ->> 'customer_code', data ->> 'customer_name', data ->> 'customer_level',
            data ->> 'status', (data ->> 'created_by')::uuid, (event ->> 'version')::integer, (data ->> 'deleted_time')::timestamptz,
            coalesce(data ->> 'pinyin', ''))
    ON CONFLICT (customer_id) DO UPDATE SET customer_code = excluded.customer_code, customer_name = excluded.customer_name,
        customer_level = excluded.customer_level, status = excluded.status, created_by = excluded.created_by,
        version = excluded.version, deleted_time = excluded.deleted_time, pinyin = coalesce(data ->> 'pinyin', c.pinyin)
    WHERE c.version <= excluded.version;
END $$;

-- How long whoever goes on with a conversion holds it, at most.
CREATE FUNCTION lead_conversion_hold() RETURNS interval LANGUAGE sql IMMUTABLE AS $$ SELECT interval '10 seconds' $$;

-- What is wrong with a new customer that a lead is to become. Of one that has the name already the id is told to its creator alone.
CREATE FUNCTION lead_customer_fault(name text, by_user uuid, body jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    existing customer_ref;
BEGIN
    IF name IS NULL THEN
        RETURN jsonb_build_object('reason', 'is needed: the lead has neither a company nor a contact');
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('lead_conversions' || lower(name), 0));
    SELECT c.* INTO existing FROM customer_ref c WHERE lower(c.customer_name) = lower(name) AND c.deleted_time IS NULL
    ORDER BY c.created_by IS DISTINCT FROM by_user, c.customer_id LIMIT 1;
    IF coalesce((body ->> 'allow_duplicate')::boolean, false) THEN
        RETURN NULL;
    ELSIF existing.customer_id IS NOT NULL THEN
        RETURN to_jsonb(CASE WHEN existing.created_by = by_user THEN existing.customer_id::text ELSE '' END);
    END IF;
    RETURN (SELECT to_jsonb(''::text) FROM lead_conversions c WHERE lower(c.customer_name) = lower(name) LIMIT 1);
END $$;

-- Everything that can be refused is refused here.
CREATE FUNCTION lead_conversion_begin(was leads, by_user uuid, body jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text := coalesce(body ->> 'customer_name', was.company_name, was.contact_name);
BEGIN
    PERFORM refuse(jsonb_strip_nulls(jsonb_build_object(
        'customer_name', lead_customer_fault(name, by_user, body),
        'sales_stage_id', CASE WHEN coalesce((body ->> 'create_opportunity')::boolean, true) THEN
            opportunity_stage_fault(opportunity_first_stage((body ->> 'sales_stage_id')::uuid)) END)));
    INSERT INTO lead_conversions (lead_id, contact_id, customer_name, customer_type, body, was_status, by_user, due)
    VALUES (was.lead_id, CASE WHEN was.contact_name IS NOT NULL THEN uuid_v7() END, name,
            coalesce(body ->> 'customer_type',
                     CASE WHEN coalesce(body ->> 'customer_name', was.company_name) IS NULL THEN '个人' ELSE '企业' END),
            body, was.status, by_user, clock_timestamp() + lead_conversion_hold());
    UPDATE leads l SET status = '转化中', version = l.version + 1, updated_by = by_user, updated_time = now()
    WHERE l.lead_id = was.lead_id;
END $$;

-- POST /leads/{id}/convert: to a customer that is there the opportunity and the end of the lead are one transaction, or nothing. The
-- record is locked: of two that convert it at once the second finds it converted.
CREATE FUNCTION lead_convert(was leads, by_user uuid, body jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM lead_refuse_converted(was);
    IF was.status = '无效' THEN
        PERFORM conflict('{"status": "the lead is invalid: follow it up first"}');
    END IF;
    IF body ->> 'customer_id' IS NULL THEN
        PERFORM lead_conversion_begin(was, by_user, body);
    ELSE
        PERFORM lead_become(was, (body ->> 'customer_id')::uuid, by_user, body);
    END IF;
END $$;

-- Takes the conversion that is longest due, if any.
CREATE FUNCTION lead_conversion_claim() RETURNS uuid LANGUAGE sql AS $$
    UPDATE lead_conversions SET due = clock_timestamp() + lead_conversion_hold(), attempts = attempts + 1
    WHERE lead_id = (SELECT c.lead_id FROM lead_conversions c WHERE c.due <= clock_timestamp() ORDER BY c.due LIMIT 1
                     FOR UPDATE SKIP LOCKED)
    RETURNING lead_id
$$;

-- What customer-service answered: ends the conversion, or leaves it for later. The customer is there (200), or was there already (409:
-- an earlier answer was lost), and is known from its feed then. Other refusals are final but for those of the moment.
CREATE FUNCTION lead_conversion_finish(of_lead uuid, status integer, reply jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    was leads;
    c   lead_conversions;
BEGIN
    SELECT l.* INTO was FROM leads l WHERE l.lead_id = of_lead FOR UPDATE;
    DELETE FROM lead_conversions d WHERE d.lead_id = of_lead RETURNING d.* INTO c;
    IF NOT FOUND THEN
        RETURN 'done';
    END IF;
    IF status = 200 THEN
        PERFORM customer_event(jsonb_build_object('aggregate_id', c.customer_id, 'version', reply -> 'data' -> 'version',
                                                  'data', reply -> 'data'));
    END IF;
    IF status IN (200, 409) AND EXISTS (SELECT FROM customer_ref r WHERE r.customer_id = c.customer_id) THEN
        IF opportunity_stage_fault(opportunity_first_stage((c.body ->> 'sales_stage_id')::uuid)) IS NOT NULL THEN
            c.body := c.body - 'sales_stage_id'; -- closed to new ones since
        END IF;
        PERFORM lead_become(was, c.customer_id, c.by_user, c.body);
        RETURN 'done';
    ELSIF status BETWEEN 400 AND 499 AND status NOT IN (401, 403, 404, 408, 409, 429) THEN
        UPDATE leads l SET status = c.was_status, version = l.version + 1, updated_by = c.by_user, updated_time = now()
        WHERE l.lead_id = of_lead;
        RETURN 'refused';
    END IF;
    INSERT INTO lead_conversions SELECT c.*;
    UPDATE lead_conversions l SET due = clock_timestamp() + least(power(2, l.attempts) * interval '200 ms', interval '1 minute')
    WHERE l.lead_id = of_lead;
    RETURN 'later';
END $$;

-- --- events and names ----------------------------------------------------------------------------------------------------

CREATE TRIGGER leads_event AFTER INSERT OR UPDATE ON leads
    FOR EACH ROW WHEN (current_setting('crm.resealing', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION record_event('lead', 'lead_id');
CREATE TRIGGER leads_announce AFTER UPDATE ON leads
    FOR EACH ROW EXECUTE FUNCTION announce_name('lead_id', 'lead_name');
