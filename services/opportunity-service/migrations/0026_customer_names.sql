-- What a keyword finds of a customer is looked for among the customers, not in each of their opportunities: there it is once. So a new
-- opportunity has less to index, and a rename changes one row.

DROP TRIGGER customer_ref_renamed ON customer_ref;
DROP FUNCTION opportunity_customer_renamed();
SELECT make_sought('customer_ref', 'EXISTS (SELECT FROM opportunities o WHERE o.customer_id = n.customer_id)', 'customer_name', 'pinyin');

CREATE FUNCTION customer_referred() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE customer_ref SET is_referred = true WHERE customer_id = NEW.customer_id AND NOT is_referred;
    RETURN NULL;
END $$;
CREATE TRIGGER opportunities_refer AFTER INSERT OR UPDATE OF customer_id ON opportunities FOR EACH ROW EXECUTE FUNCTION customer_referred();

-- As in 0015_leads.sql. Two that shared the customer would each wait for the other to note that it is referred to.
CREATE OR REPLACE FUNCTION lead_become(was leads, customer uuid, by_user uuid, body jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    opportunity uuid;
BEGIN
    PERFORM FROM customer_ref c WHERE c.customer_id = customer AND c.deleted_time IS NULL FOR NO KEY UPDATE;
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

DROP TRIGGER opportunities_customer ON opportunities;
DROP TRIGGER opportunities_customer_change ON opportunities;
DROP FUNCTION opportunity_customer();
ALTER TABLE opportunities DROP search_text, DROP customer_text,
    ADD search_text text GENERATED ALWAYS AS (lower(opportunity_name || E'\n' || pinyin)) STORED;
DROP TRIGGER opportunities_event ON opportunities;
CREATE TRIGGER opportunities_event AFTER INSERT OR UPDATE ON opportunities
    FOR EACH ROW EXECUTE FUNCTION record_event('opportunity', 'opportunity_id', 'amount_fen', 'weighted_fen');
CREATE INDEX opportunities_search ON opportunities USING gin (search_text public.gin_trgm_ops) WHERE deleted_time IS NULL;
CREATE INDEX opportunities_grams ON opportunities USING gin (search_grams(search_text)) WHERE deleted_time IS NULL;
CREATE INDEX opportunities_texts ON opportunities (opportunity_id) INCLUDE (search_text, customer_id) WHERE deleted_time IS NULL;
