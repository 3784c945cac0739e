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
    estimated_amount         numeric(15, 2) CHECK (estimated_amount >= 0),
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
CREATE INDEX leads_next ON leads (next_follow_time DESC, lead_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX leads_last ON leads (last_contact_time DESC, lead_id DESC) WHERE deleted_time IS NULL;
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
    SELECT status IN ('未跟进', '跟进中')
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
    IF was.status = '已转化' THEN
        PERFORM conflict(jsonb_strip_nulls(jsonb_build_object(
            'status', 'the lead is converted',
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
        'status', CASE WHEN becomes = '已转化' THEN
            '{"reason": "comes from POST /api/v1/leads/{lead_id}/convert", "allowed": ["未跟进", "跟进中", "无效"]}'::jsonb END,
        'follow_up_note', CASE WHEN becomes = '无效' AND coalesce(btrim(body ->> 'follow_up_note'), '') = '' THEN
            '{"reason": "must say why the lead is invalid"}'::jsonb END)));
    UPDATE leads l SET status = becomes, follow_up_note = coalesce(body ->> 'follow_up_note', l.follow_up_note),
                       next_follow_time = CASE WHEN becomes <> '无效' THEN (body ->> 'next_follow_time')::timestamptz END,
                       last_contact_time = CASE WHEN becomes = '跟进中' THEN now() ELSE l.last_contact_time END,
                       version = l.version + 1, updated_by = by_user, updated_time = now()
    WHERE l.lead_id = was.lead_id;
END $$;

-- POST /leads/{id}/convert: the opportunity and the end of the lead are one transaction, or nothing. The record is locked: of two that
-- convert it at once the second finds it converted. The opportunity goes by the lead's name, so its pinyin holds, too.
CREATE FUNCTION lead_convert(was leads, by_user uuid, body jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    customer    uuid := (body ->> 'customer_id')::uuid;
    opportunity uuid;
BEGIN
    PERFORM lead_refuse_converted(was);
    IF was.status = '无效' THEN
        PERFORM conflict('{"status": "the lead is invalid: follow it up first"}');
    END IF;
    -- Held until the end, so that the customer cannot be deleted meanwhile.
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

-- --- events and names ----------------------------------------------------------------------------------------------------

CREATE TRIGGER leads_event AFTER INSERT OR UPDATE ON leads
    FOR EACH ROW WHEN (current_setting('crm.resealing', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION record_event('lead', 'lead_id');
CREATE TRIGGER leads_announce AFTER UPDATE ON leads
    FOR EACH ROW EXECUTE FUNCTION announce_name('lead_id', 'lead_name');
