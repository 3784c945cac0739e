-- What a keyword finds of a customer is looked for among the customers, not in each of their orders and quotes: there it is once. So a new
-- order has less to index, and a rename changes one row.

DROP TRIGGER customer_ref_renamed ON customer_ref;
DROP FUNCTION sale_customer_renamed();
SELECT make_sought('customer_ref', 'EXISTS (SELECT FROM orders o WHERE o.customer_id = n.customer_id) '
    'OR EXISTS (SELECT FROM quotes q WHERE q.customer_id = n.customer_id)', 'customer_name', 'pinyin');

CREATE FUNCTION customer_referred() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE customer_ref SET is_referred = true WHERE customer_id = NEW.customer_id AND NOT is_referred;
    RETURN NULL;
END $$;
CREATE TRIGGER orders_refer AFTER INSERT OR UPDATE OF customer_id ON orders FOR EACH ROW EXECUTE FUNCTION customer_referred();
CREATE TRIGGER quotes_refer AFTER INSERT OR UPDATE OF customer_id ON quotes FOR EACH ROW EXECUTE FUNCTION customer_referred();

-- As in 0018_leaner_orders.sql.
CREATE OR REPLACE FUNCTION order_before_write() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_new CONSTANT boolean := TG_OP = 'INSERT';
    held   json;
    sale   record;
BEGIN
    IF is_new THEN
        NEW := order_derived(NEW);
        IF NEW.quote_id IS NOT NULL THEN
            held := (SELECT q.quote_items FROM quotes q WHERE q.quote_id = NEW.quote_id);
        END IF;
    ELSE
        held := OLD.order_items;
    END IF;
    NEW.order_date := coalesce(NEW.order_date, current_date);
    NEW.tax_rate := coalesce(NEW.tax_rate, 13);
    NEW.assigned_to := coalesce(NEW.assigned_to, NEW.created_by);
    sale := sale_counted('order_items', NEW.order_items, held, NEW.customer_id, NEW.opportunity_id, NEW.quote_id, NEW.tax_rate,
                         CASE WHEN is_new OR NEW.total_amount <> OLD.total_amount THEN NEW.total_amount END,
                         CASE WHEN is_new OR NEW.tax_amount <> OLD.tax_amount THEN NEW.tax_amount END);
    IF sale.faults <> '{}' OR NEW.expected_delivery_date < NEW.order_date
       OR (is_new AND (NEW.order_status NOT IN ('草稿', '已提交') OR NEW.payment_status <> '未付款')) THEN
        PERFORM refuse(sale.faults || jsonb_strip_nulls(jsonb_build_object(
            'expected_delivery_date', CASE WHEN NEW.expected_delivery_date < NEW.order_date THEN fault('is before order_date') END,
            'order_status', CASE WHEN is_new AND NEW.order_status NOT IN ('草稿', '已提交') THEN
                fault('is not where an order begins', '草稿', '已提交') END,
            'payment_status', CASE WHEN is_new AND NEW.payment_status <> '未付款' THEN fault('comes from payments', '未付款') END)));
    END IF;
    NEW.order_items := sale.items;
    NEW.total_amount := sale.total;
    NEW.tax_amount := sale.tax;
    NEW.amount_with_tax := sale.with_tax;
    WHILE NEW.order_number IS NULL LOOP
        NEW.order_number := number_new('SO', NEW.order_date, 'order_numbers');
        IF EXISTS (SELECT FROM orders o WHERE o.order_number = NEW.order_number AND o.deleted_time IS NULL) THEN
            NEW.order_number := NULL;
        END IF;
    END LOOP;
    IF is_new AND NEW.order_status = '已提交' THEN
        NEW.order_status := order_judged(NEW.total_amount);
    END IF;
    RETURN NEW;
END $$;

DROP TRIGGER orders_before ON orders;
ALTER TABLE orders DROP search_text, DROP customer_text, ADD search_text text GENERATED ALWAYS AS (lower(order_number)) STORED;
CREATE TRIGGER orders_before BEFORE UPDATE ON orders
    FOR EACH ROW WHEN (NEW.moves = OLD.moves AND NEW.paid_amount = OLD.paid_amount) EXECUTE FUNCTION order_before_update();
DROP TRIGGER orders_event ON orders;
CREATE TRIGGER orders_event AFTER INSERT OR UPDATE ON orders
    FOR EACH ROW WHEN (current_setting('crm.resealing', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION record_event('order', 'order_id', 'shipping_address');
CREATE INDEX orders_search ON orders USING gin (search_text public.gin_trgm_ops) WHERE deleted_time IS NULL;
CREATE INDEX orders_grams ON orders USING gin (search_grams(search_text)) WHERE deleted_time IS NULL;
CREATE INDEX orders_texts ON orders (order_id) INCLUDE (search_text, customer_id) WHERE deleted_time IS NULL;

-- As in 0014_quotes.sql.
CREATE OR REPLACE FUNCTION quote_before_write() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_new CONSTANT boolean := TG_OP = 'INSERT';
    sale   record;
BEGIN
    NEW.quote_status := coalesce(NEW.quote_status, '草稿');
    NEW.quote_date := coalesce(NEW.quote_date, current_date);
    NEW.valid_until := coalesce(NEW.valid_until, NEW.quote_date + 30);
    NEW.tax_rate := coalesce(NEW.tax_rate, 13);
    NEW.assigned_to := coalesce(NEW.assigned_to, NEW.created_by);
    sale := sale_counted('quote_items', NEW.quote_items, CASE WHEN NOT is_new THEN OLD.quote_items END, NEW.customer_id, NEW.opportunity_id,
                         NULL, NEW.tax_rate, CASE WHEN is_new OR NEW.total_amount <> OLD.total_amount THEN NEW.total_amount END,
                         CASE WHEN is_new OR NEW.tax_amount <> OLD.tax_amount THEN NEW.tax_amount END);
    PERFORM refuse(sale.faults || jsonb_strip_nulls(jsonb_build_object(
        'valid_until', CASE WHEN NEW.valid_until < NEW.quote_date THEN fault('is before quote_date') END)));
    NEW.quote_items := sale.items;
    NEW.total_amount := sale.total;
    NEW.tax_amount := sale.tax;
    NEW.amount_with_tax := sale.with_tax;
    WHILE NEW.quote_number IS NULL LOOP
        NEW.quote_number := number_new('QT', NEW.quote_date, 'quote_numbers');
        IF EXISTS (SELECT FROM quotes q WHERE q.quote_number = NEW.quote_number AND q.deleted_time IS NULL) THEN
            NEW.quote_number := NULL;
        END IF;
    END LOOP;
    RETURN NEW;
END $$;

DROP TRIGGER quotes_before ON quotes;
ALTER TABLE quotes DROP search_text, DROP customer_text, ADD search_text text GENERATED ALWAYS AS (lower(quote_number)) STORED;
CREATE TRIGGER quotes_before BEFORE UPDATE ON quotes
    FOR EACH ROW WHEN (NEW.moves = OLD.moves) EXECUTE FUNCTION quote_before_update();
DROP TRIGGER quotes_event ON quotes;
CREATE TRIGGER quotes_event AFTER INSERT OR UPDATE ON quotes
    FOR EACH ROW EXECUTE FUNCTION record_event('quote', 'quote_id');
CREATE INDEX quotes_search ON quotes USING gin (search_text public.gin_trgm_ops) WHERE deleted_time IS NULL;
CREATE INDEX quotes_grams ON quotes USING gin (search_grams(search_text)) WHERE deleted_time IS NULL;

DROP FUNCTION sale_customer_text(uuid);
