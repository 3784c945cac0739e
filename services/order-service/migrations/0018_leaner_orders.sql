-- What an order costs to write, again: a query that can only find what is known already costs as much as one that is needed.

-- Nothing looks there.
DROP INDEX orders_outstanding;

-- As in 0010_products.sql. Most sales hang on a customer alone, who is there.
CREATE OR REPLACE FUNCTION sale_missing(customer uuid, opportunity uuid, quote uuid) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF opportunity IS NULL AND quote IS NULL
       AND EXISTS (SELECT FROM customer_ref c WHERE c.customer_id = customer AND c.deleted_time IS NULL) THEN
        RETURN '{}';
    END IF;
    RETURN jsonb_strip_nulls(jsonb_build_object(
        'customer_id', CASE WHEN NOT EXISTS (
            SELECT FROM customer_ref c WHERE c.customer_id = customer AND c.deleted_time IS NULL) THEN 'missing' END,
        'opportunity_id', CASE WHEN opportunity IS NOT NULL AND NOT EXISTS (
            SELECT FROM opportunity_ref o WHERE o.opportunity_id = opportunity AND o.customer_id = customer AND o.deleted_time IS NULL)
            THEN 'missing' END,
        'quote_id', CASE WHEN quote IS NOT NULL AND NOT EXISTS (
            SELECT FROM quotes q WHERE q.quote_id = quote AND q.customer_id = customer AND q.deleted_time IS NULL) THEN 'missing' END));
END $$;

-- As in 0011_orders.sql. Faults are put together once there is one.
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
    IF is_new OR NEW.customer_id <> OLD.customer_id THEN
        NEW.customer_text := sale_customer_text(NEW.customer_id);
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

-- As in 0009_references.sql, where PostgreSQL planned them for each page of events.
CREATE OR REPLACE FUNCTION customer_event(event jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    d CONSTANT jsonb := event -> 'data';
BEGIN
    INSERT INTO customer_ref AS c (customer_id, customer_code, customer_name, customer_level, credit_limit, credit_known, status,
                                   created_by, version, deleted_time, pinyin)
    VALUES ((event ->> 'aggregate_id')::uuid, d ->> 'customer_code', d ->> 'customer_name', d ->> 'customer_level',
            (d ->> 'credit_limit')::numeric, d ? 'credit_limit', d ->> 'status', (d ->> 'created_by')::uuid, (event ->> 'version')::integer,
            (d ->> 'deleted_time')::timestamptz, coalesce(d ->> 'pinyin', ''))
    ON CONFLICT (customer_id) DO UPDATE SET customer_code = excluded.customer_code, customer_name = excluded.customer_name,
        customer_level = excluded.customer_level, credit_limit = excluded.credit_limit, credit_known = excluded.credit_known,
        status = excluded.status, created_by = excluded.created_by, version = excluded.version, deleted_time = excluded.deleted_time, pinyin = excluded.pinyin
    WHERE c.version <= excluded.version;
END $$;

CREATE OR REPLACE FUNCTION opportunity_event(event jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    d CONSTANT jsonb := event -> 'data';
BEGIN
    INSERT INTO opportunity_ref AS o (opportunity_id, opportunity_name, customer_id, status, assigned_to, version, deleted_time)
    VALUES ((event ->> 'aggregate_id')::uuid, d ->> 'opportunity_name', (d ->> 'customer_id')::uuid, d ->> 'status',
            (d ->> 'assigned_to')::uuid, (event ->> 'version')::integer, (d ->> 'deleted_time')::timestamptz)
    ON CONFLICT (opportunity_id) DO UPDATE SET opportunity_name = excluded.opportunity_name, customer_id = excluded.customer_id,
        status = excluded.status, assigned_to = excluded.assigned_to, version = excluded.version, deleted_time = excluded.deleted_time
    WHERE o.version <= excluded.version;
END $$;
