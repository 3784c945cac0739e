-- Products, and what orders and quotes make of them. Column names are the property names of proto-json-schemas.

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
    search_text   text GENERATED ALWAYS AS (
        lower(product_name || E'\n' || product_code || E'\n' || coalesce(specification, '') || E'\n' || pinyin)) STORED
);
CREATE UNIQUE INDEX products_product_code ON products (product_code) WHERE deleted_time IS NULL;
CREATE INDEX products_name ON products (product_name, product_id) WHERE deleted_time IS NULL;
CREATE INDEX products_created ON products (created_time DESC, product_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX products_category ON products (category, product_code) WHERE deleted_time IS NULL;
CREATE INDEX products_status ON products (status, product_code) WHERE deleted_time IS NULL;
CREATE INDEX products_search ON products USING gin (search_text public.gin_trgm_ops) WHERE deleted_time IS NULL;
CREATE INDEX products_grams ON products USING gin (search_grams(search_text)) WHERE deleted_time IS NULL;

CREATE TRIGGER products_event AFTER INSERT OR UPDATE ON products
    FOR EACH ROW EXECUTE FUNCTION record_event('product', 'product_id');

-- A fault of a rule, as refuse() and conflict() take it: the reason, and what would be right.
CREATE FUNCTION fault(reason text, VARIADIC allowed text[] DEFAULT '{}') RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object('reason', reason) || CASE WHEN allowed = '{}' THEN '{}' ELSE jsonb_build_object('allowed', allowed) END
$$;

-- What runs with each order is PL/pgSQL, whose plans are kept: one in SQL that is more than an expression is planned anew in each call.

-- Items as they are kept: product and price as of this moment, the amount counted; and each fault, by the name of its field. A price or a
-- product's name that is given counts as long as it is right. `held` are the items that the record has had: what is in it stays in it.
CREATE FUNCTION items_priced(field text, items json, held json, OUT priced json, OUT total numeric, OUT faults jsonb)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    WITH given AS (
        SELECT e.place - 1 AS place, i.product_id, i.product_code, i.product_name, i.quantity, i.amount, p.status, h.product_id AS held,
               coalesce(h.product_code, p.product_code) AS code, coalesce(h.product_name, p.product_name) AS name,
               coalesce(i.unit_price, h.unit_price, p.unit_price) AS price,
               round(i.quantity * coalesce(i.unit_price, h.unit_price, p.unit_price), 2) AS counted,
               count(*) OVER (PARTITION BY i.product_id) > 1 AS is_twice
        FROM json_array_elements(items) WITH ORDINALITY AS e (item, place)
             CROSS JOIN LATERAL json_to_record(e.item) AS i (product_id uuid, product_code text, product_name text, quantity numeric,
                                                             unit_price numeric, amount numeric)
             LEFT JOIN json_to_recordset(coalesce(held, '[]')) AS h (product_id uuid, product_code text, product_name text,
                                                                                 unit_price numeric)
                       ON h.product_id = i.product_id
             LEFT JOIN products p ON p.product_id = i.product_id AND p.deleted_time IS NULL
    ), faulty AS (
        SELECT format('%s[%s].%s', field, g.place, f.name) AS at, f.fault FROM given g CROSS JOIN LATERAL (VALUES
            ('product_id', CASE WHEN g.code IS NULL THEN '"missing"' WHEN g.is_twice THEN fault('is in another item, too')
                                WHEN g.held IS NULL AND g.status <> '在售' THEN fault('is not on sale') END),
            ('product_code', CASE WHEN g.product_code <> g.code THEN fault('is not the product''s', g.code) END),
            ('product_name', CASE WHEN g.product_name <> g.name THEN fault('is not the product''s', g.name) END),
            ('amount', CASE WHEN g.amount <> g.counted THEN fault('is not quantity times price', g.counted::text) END)) AS f (name, fault)
        WHERE f.fault IS NOT NULL
    )
    SELECT ('[' || string_agg(format('{"product_id":"%s","product_code":%s,"product_name":%s,"quantity":%s,"unit_price":%s,"amount":%s}',
                                     g.product_id, to_json(g.code), to_json(g.name), trim_scale(g.quantity), g.price, g.counted),
                              ',' ORDER BY g.place)
            FILTER (WHERE g.code IS NOT NULL) || ']')::json,
           sum(g.counted), coalesce((SELECT jsonb_object_agg(f.at, f.fault) FROM faulty f), '{}')
    INTO priced, total, faults FROM given g;
END $$;

-- What a sale hangs on and is not there: a customer, and an opportunity and a quote of the same one.
CREATE FUNCTION sale_missing(customer uuid, opportunity uuid, quote uuid) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_strip_nulls(jsonb_build_object(
        'customer_id', CASE WHEN NOT EXISTS (
            SELECT FROM customer_ref c WHERE c.customer_id = customer AND c.deleted_time IS NULL) THEN 'missing' END,
        'opportunity_id', CASE WHEN opportunity IS NOT NULL AND NOT EXISTS (
            SELECT FROM opportunity_ref o WHERE o.opportunity_id = opportunity AND o.customer_id = customer AND o.deleted_time IS NULL)
            THEN 'missing' END,
        'quote_id', CASE WHEN quote IS NOT NULL AND NOT EXISTS (
            SELECT FROM quotes q WHERE q.quote_id = quote AND q.customer_id = customer AND q.deleted_time IS NULL) THEN 'missing' END));
END $$;

-- What a keyword finds of the customer of a sale. The share lock holds off a rename, which would not see a sale that is just being made.
CREATE FUNCTION sale_customer_text(customer uuid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found_text text;
BEGIN
    SELECT c.customer_name || E'\n' || c.pinyin INTO found_text FROM customer_ref c
    WHERE c.customer_id = customer AND c.deleted_time IS NULL FOR SHARE;
    IF NOT FOUND THEN
        PERFORM refuse('{"customer_id": "missing"}');
    END IF;
    RETURN found_text;
END $$;

-- What an order or a quote comes to, and all that is wrong with it. A total or a tax that is given must be right; NULL: it is not given.
CREATE FUNCTION sale_counted(field text, given json, held json, customer uuid, opportunity uuid, quote uuid, rate numeric,
                             given_total numeric, given_tax numeric, OUT items json, OUT total numeric, OUT tax numeric, OUT with_tax numeric, OUT faults jsonb)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    most CONSTANT numeric := 9999999999999.99;
    priced record := items_priced(field, given, held);
BEGIN
    items := priced.priced;
    total := priced.total;
    tax := round(total * rate / 100, 2);
    with_tax := total + tax;
    faults := sale_missing(customer, opportunity, quote) || priced.faults
        || CASE WHEN rate > 100 THEN jsonb_build_object('tax_rate', fault('is more than 100')) ELSE '{}' END;
    IF priced.faults = '{}' AND rate <= 100 THEN
        faults := faults || jsonb_strip_nulls(jsonb_build_object(
            'total_amount', CASE WHEN with_tax > most THEN fault('is too much, tax included', most::text)
                                 WHEN given_total <> total THEN fault('is not the sum of the items', total::text) END,
            'tax_amount', CASE WHEN given_tax <> tax THEN fault('is not the total times the rate', tax::text) END));
    END IF;
END $$;

-- A number that nobody else has: prefix, year, at least four digits.
CREATE FUNCTION number_new(prefix text, of_date date, numbers regclass) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    n CONSTANT text := nextval(numbers)::text;
BEGIN
    RETURN prefix || to_char(of_date, 'YYYY') || lpad(n, greatest(length(n), 4), '0');
END $$;
