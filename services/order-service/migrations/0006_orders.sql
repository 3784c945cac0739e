-- Products, and orders, each of which holds its items: one row is written or none.

CREATE TABLE products (
    product_id    uuid PRIMARY KEY,
    product_code  text NOT NULL,
    product_name  text NOT NULL,
    category      text,
    specification text,
    unit          text,
    unit_price    numeric(15, 2) NOT NULL,
    status        text NOT NULL,
    created_by    uuid,
    created_time  timestamptz NOT NULL DEFAULT now(),
    updated_by    uuid,
    updated_time  timestamptz NOT NULL DEFAULT now(),
    description   text,
    version       integer NOT NULL DEFAULT 1,
    deleted_time  timestamptz,
    pinyin        text NOT NULL DEFAULT '',
    search_text   text GENERATED ALWAYS AS (lower(product_name || E'\n' || product_code || E'\n' || coalesce(specification, '') || E'\n' || pinyin)) STORED
);
CREATE UNIQUE INDEX products_product_code ON products (product_code) WHERE deleted_time IS NULL;

CREATE SEQUENCE order_numbers;
CREATE TABLE orders (
    order_id               uuid PRIMARY KEY,
    order_number           text NOT NULL,
    customer_id            uuid NOT NULL,
    opportunity_id         uuid,
    quote_id               uuid,
    order_date             date NOT NULL,
    total_amount           numeric(15, 2) NOT NULL,
    tax_rate               numeric(5, 2) NOT NULL,
    tax_amount             numeric(15, 2) NOT NULL,
    amount_with_tax        numeric(15, 2) NOT NULL,
    shipping_address       text,
    expected_delivery_date date,
    payment_terms          text,
    order_status           text NOT NULL,
    payment_status         text NOT NULL,
    erp_sync_status        text NOT NULL DEFAULT '待同步',
    paid_amount            numeric(15, 2) NOT NULL DEFAULT 0,
    assigned_to            uuid NOT NULL,
    order_items            jsonb NOT NULL,
    created_by             uuid,
    created_time           timestamptz NOT NULL DEFAULT now(),
    updated_by             uuid,
    updated_time           timestamptz NOT NULL DEFAULT now(),
    description            text,
    version                integer NOT NULL DEFAULT 1,
    deleted_time           timestamptz,
    CONSTRAINT orders_have_items CHECK (jsonb_array_length(order_items) BETWEEN 1 AND 500),
    CONSTRAINT orders_add_up CHECK (amount_with_tax = total_amount + tax_amount)
);

CREATE UNIQUE INDEX orders_order_number ON orders (order_number) WHERE deleted_time IS NULL;
CREATE INDEX orders_dated ON orders (order_date DESC, order_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX orders_customer ON orders (customer_id, order_date DESC, order_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX orders_status ON orders (order_status, order_date DESC, order_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX orders_owner ON orders (assigned_to, order_date DESC, order_id DESC) WHERE deleted_time IS NULL;

-- Reasons of a rule, as refuse() takes them.
CREATE FUNCTION rule(VARIADIC reason text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object('reason', reason[1], 'allowed', CASE WHEN cardinality(reason) > 1 THEN to_jsonb(reason[2:]) END))
$$;

-- The items as they are kept: product, price and amount as of this moment; each fault by the name of its field.
CREATE FUNCTION order_items_priced(items jsonb, OUT priced jsonb, OUT total numeric, OUT faults jsonb) LANGUAGE sql STABLE AS $$
    WITH given AS (
        SELECT e.place - 1 AS place, i.*, p.product_id AS known, p.status, p.product_code AS code, p.product_name AS name,
               coalesce(i.unit_price, p.unit_price) AS price, round(i.quantity * coalesce(i.unit_price, p.unit_price), 2) AS counted,
               count(*) OVER (PARTITION BY i.product_id) > 1 AS is_twice
        FROM jsonb_array_elements(items) WITH ORDINALITY AS e (item, place)
             CROSS JOIN LATERAL jsonb_to_record(e.item) AS i (product_id uuid, product_code text, product_name text, quantity numeric,
                                                              unit_price numeric, amount numeric)
             LEFT JOIN products p ON p.product_id = i.product_id AND p.deleted_time IS NULL
    ), faulty AS (
        SELECT format('order_items[%s].%s', g.place, f.field) AS field, f.fault FROM given g CROSS JOIN LATERAL (VALUES
            ('product_id', CASE WHEN g.known IS NULL THEN to_jsonb('missing'::text) WHEN g.is_twice THEN rule('is there twice')
                                WHEN g.status <> '在售' THEN rule('is not sold any more') END),
            ('product_code', CASE WHEN g.product_code <> g.code THEN rule('is not the product''s', g.code) END),
            ('product_name', CASE WHEN g.product_name <> g.name THEN rule('is not the product''s', g.name) END),
            ('amount', CASE WHEN g.amount <> g.counted THEN rule('is not quantity times price', g.counted::text) END)) AS f (field, fault)
        WHERE f.fault IS NOT NULL
    )
    SELECT jsonb_agg(jsonb_build_object('product_id', g.product_id, 'product_code', g.code, 'product_name', g.name, 'quantity', g.quantity,
                                        'unit_price', g.price, 'amount', g.counted) ORDER BY g.place),
           sum(g.counted), coalesce((SELECT jsonb_object_agg(f.field, f.fault) FROM faulty f), '{}')
    FROM given g
$$;

-- What is left out is computed, what is given must agree; nothing is written of an order that is wrong anywhere.
CREATE FUNCTION order_before_write() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    items  record;
    given  orders := NEW;
    faults jsonb;
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.deleted_time IS DISTINCT FROM OLD.deleted_time OR NEW.order_status <> OLD.order_status) THEN
        RETURN NEW; -- a transition changes nothing else
    END IF;
    SELECT * INTO items FROM order_items_priced(NEW.order_items);
    faults := items.faults;
    NEW.order_date := coalesce(NEW.order_date, current_date);
    NEW.tax_rate := coalesce(NEW.tax_rate, 13);
    NEW.assigned_to := coalesce(NEW.assigned_to, NEW.created_by);
    NEW.order_items := items.priced;
    NEW.total_amount := items.total;
    NEW.tax_amount := round(items.total * NEW.tax_rate / 100, 2);
    NEW.amount_with_tax := NEW.total_amount + NEW.tax_amount;
    IF TG_OP = 'INSERT' AND NEW.order_number IS NULL THEN
        NEW.order_number := format('SO%s%s', to_char(NEW.order_date, 'YYYY'), lpad(nextval('order_numbers')::text, 4, '0'));
    END IF;
    faults := faults || jsonb_strip_nulls(jsonb_build_object(
        'total_amount', CASE WHEN given.total_amount <> NEW.total_amount THEN rule('is not the sum of the items', NEW.total_amount::text) END,
        'tax_amount', CASE WHEN given.tax_amount <> NEW.tax_amount THEN rule('is not the total times the rate', NEW.tax_amount::text) END,
        'expected_delivery_date', CASE WHEN NEW.expected_delivery_date < NEW.order_date THEN rule('is before the order''s date') END,
        'order_status', CASE WHEN TG_OP = 'INSERT' AND NEW.order_status NOT IN ('草稿', '已提交') THEN rule('is not where an order begins', '草稿', '已提交') END,
        'payment_status', CASE WHEN TG_OP = 'INSERT' AND NEW.payment_status <> '未付款' THEN rule('is not where an order begins', '未付款') END));
    PERFORM refuse(faults);
    RETURN NEW;
END $$;
CREATE TRIGGER orders_before BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION order_before_write();
CREATE TRIGGER orders_event AFTER INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION record_event('order', 'order_id');
CREATE TRIGGER products_event AFTER INSERT OR UPDATE ON products FOR EACH ROW EXECUTE FUNCTION record_event('product', 'product_id', 'pinyin', 'search_text');
