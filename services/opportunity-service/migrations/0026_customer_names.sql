-- What a keyword finds of a customer is looked for among the customers, not in each of their opportunities: there it is once. So a new
-- opportunity has less to index, and a rename changes one row.

DROP TRIGGER customer_ref_renamed ON customer_ref;
DROP FUNCTION opportunity_customer_renamed();
SELECT make_sought('customer_ref', 'customer_name', 'pinyin');

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
