-- Quotes: what an order may come from. A quote that was sent is changed by a new version of it, and the one before is kept.

CREATE SEQUENCE quote_numbers;

CREATE TABLE quotes (
    quote_id        uuid PRIMARY KEY,
    quote_number    text NOT NULL,
    quote_version   integer NOT NULL DEFAULT 1,
    customer_id     uuid NOT NULL,
    opportunity_id  uuid,
    quote_date      date NOT NULL,
    valid_until     date NOT NULL,
    total_amount    numeric(15, 2) NOT NULL,
    tax_rate        numeric(5, 2) NOT NULL,
    tax_amount      numeric(15, 2) NOT NULL,
    amount_with_tax numeric(15, 2) NOT NULL,
    payment_terms   text,
    quote_status    text NOT NULL,
    order_id        uuid,
    assigned_to     uuid NOT NULL,
    quote_items     json NOT NULL,
    created_by      uuid,
    created_time    timestamptz NOT NULL DEFAULT now(),
    updated_by      uuid,
    updated_time    timestamptz NOT NULL DEFAULT now(),
    description     text,
    version         integer NOT NULL DEFAULT 1,
    deleted_time    timestamptz,
    moves           integer NOT NULL DEFAULT 0,
    customer_text   text NOT NULL DEFAULT '',
    search_text     text GENERATED ALWAYS AS (lower(quote_number || E'\n' || customer_text)) STORED,
    CONSTRAINT quotes_have_items CHECK (json_array_length(quote_items) BETWEEN 1 AND 500),
    CONSTRAINT quotes_add_up CHECK (amount_with_tax = total_amount + tax_amount)
);
CREATE UNIQUE INDEX quotes_quote_number ON quotes (quote_number) WHERE deleted_time IS NULL;
CREATE INDEX quotes_dated ON quotes (quote_date DESC, quote_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX quotes_created ON quotes (created_time DESC, quote_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX quotes_customer ON quotes (customer_id, quote_date DESC, quote_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX quotes_status ON quotes (quote_status, quote_date DESC, quote_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX quotes_owner ON quotes (assigned_to, quote_date DESC, quote_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX quotes_opportunity ON quotes (opportunity_id, quote_date DESC, quote_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX quotes_search ON quotes USING gin (search_text public.gin_trgm_ops) WHERE deleted_time IS NULL;
CREATE INDEX quotes_grams ON quotes USING gin (search_grams(search_text)) WHERE deleted_time IS NULL;

-- A quote as it was before it was revised.
CREATE TABLE quote_versions (
    quote_version_id uuid PRIMARY KEY DEFAULT uuid_v7(),
    quote_id         uuid NOT NULL REFERENCES quotes,
    quote_version    integer NOT NULL,
    quote_date       date NOT NULL,
    valid_until      date NOT NULL,
    total_amount     numeric(15, 2) NOT NULL,
    tax_rate         numeric(5, 2) NOT NULL,
    tax_amount       numeric(15, 2) NOT NULL,
    amount_with_tax  numeric(15, 2) NOT NULL,
    quote_status     text NOT NULL,
    quote_items      json NOT NULL,
    created_by       uuid,
    created_time     timestamptz NOT NULL DEFAULT now(),
    updated_by       uuid,
    updated_time     timestamptz NOT NULL DEFAULT now(),
    version          integer NOT NULL DEFAULT 1,
    deleted_time     timestamptz
);
CREATE UNIQUE INDEX quote_versions_version ON quote_versions (quote_id, quote_version);

CREATE FUNCTION quote_is_expired(q quotes) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT q.quote_status IN ('草稿', '已发出') AND q.valid_until < current_date
$$;

-- Its items, prices and references may change.
CREATE FUNCTION quote_before_write() RETURNS trigger LANGUAGE plpgsql AS $$
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
    IF is_new OR NEW.customer_id <> OLD.customer_id THEN
        NEW.customer_text := sale_customer_text(NEW.customer_id);
    END IF;
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
CREATE TRIGGER quotes_begin BEFORE INSERT ON quotes FOR EACH ROW EXECUTE FUNCTION quote_before_write();

-- As order_forbidden().
CREATE FUNCTION quote_forbidden(old quotes, new quotes) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_object_agg(n.key, fault('changes by /revise only, once the quote is ' || old.quote_status)), '{}')
    FROM jsonb_each(to_jsonb(new)) n
    WHERE old.quote_status <> '草稿' AND n.value IS DISTINCT FROM to_jsonb(old) -> n.key
      AND n.key IN ('quote_number', 'customer_id', 'opportunity_id', 'quote_date', 'valid_until', 'total_amount', 'tax_rate', 'tax_amount',
                    'payment_terms', 'quote_items')
$$;

CREATE FUNCTION quote_before_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.assigned_to := coalesce(NEW.assigned_to, NEW.created_by);
    PERFORM conflict(quote_forbidden(OLD, NEW) || CASE WHEN NEW.deleted_time IS NOT NULL AND OLD.order_id IS NOT NULL THEN
        jsonb_build_object('order_id', fault('the quote has become an order')) ELSE '{}' END);
    RETURN NEW;
END $$;
CREATE TRIGGER quotes_before BEFORE UPDATE ON quotes
    FOR EACH ROW WHEN (NEW.moves = OLD.moves AND NEW.customer_text = OLD.customer_text) EXECUTE FUNCTION quote_before_update();
CREATE TRIGGER quotes_change BEFORE UPDATE OF customer_id, opportunity_id, quote_date, valid_until, tax_rate, total_amount, tax_amount,
    quote_items, quote_number ON quotes
    FOR EACH ROW WHEN (OLD.quote_status = '草稿' AND NEW.moves = OLD.moves) EXECUTE FUNCTION quote_before_write();

-- --- how a quote moves --------------------------------------------------------------------------------------------------------

CREATE TABLE quote_transitions (
    from_status text NOT NULL,
    to_status   text NOT NULL,
    action      text NOT NULL,
    PRIMARY KEY (from_status, action)
);
INSERT INTO quote_transitions VALUES
    ('草稿', '已发出', 'send'),
    ('已发出', '已接受', 'accept'),
    ('已发出', '已拒绝', 'decline'),
    ('已发出', '草稿', 'revise'),
    ('已接受', '草稿', 'revise'),
    ('已拒绝', '草稿', 'revise'),
    ('已发出', '已转订单', 'to-order'),
    ('已接受', '已转订单', 'to-order');

CREATE FUNCTION quote_enter(was quotes, by_user uuid, doing text, order_made uuid DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    becomes text := (SELECT t.to_status FROM quote_transitions t WHERE t.from_status = was.quote_status AND t.action = doing);
BEGIN
    IF becomes IS NULL THEN
        PERFORM conflict(jsonb_build_object('quote_status', fault('has to be another one for this', VARIADIC
            (SELECT array_agg(t.from_status) FROM quote_transitions t WHERE t.action = doing))));
    END IF;
    IF doing IN ('send', 'accept', 'to-order') AND quote_is_expired(was) THEN
        PERFORM conflict(jsonb_build_object('valid_until', fault('is over: /revise the quote')));
    END IF;
    UPDATE quotes q SET quote_status = becomes, moves = q.moves + 1, version = q.version + 1, updated_by = by_user, updated_time = now(),
                        quote_version = q.quote_version + CASE doing WHEN 'revise' THEN 1 ELSE 0 END, order_id = order_made
    WHERE q.quote_id = was.quote_id;
END $$;

CREATE FUNCTION quote_send(was quotes, by_user uuid, body jsonb) RETURNS void LANGUAGE sql AS $$
    SELECT quote_enter(was, by_user, 'send')
$$;
CREATE FUNCTION quote_accept(was quotes, by_user uuid, body jsonb) RETURNS void LANGUAGE sql AS $$
    SELECT quote_enter(was, by_user, 'accept')
$$;
CREATE FUNCTION quote_decline(was quotes, by_user uuid, body jsonb) RETURNS void LANGUAGE sql AS $$
    SELECT quote_enter(was, by_user, 'decline')
$$;

CREATE FUNCTION quote_revise(was quotes, by_user uuid, body jsonb) RETURNS void LANGUAGE sql AS $$
    SELECT quote_enter(was, by_user, 'revise');
    INSERT INTO quote_versions (quote_id, quote_version, quote_date, valid_until, total_amount, tax_rate, tax_amount, amount_with_tax,
                                quote_status, quote_items, created_by, updated_by)
    VALUES (was.quote_id, was.quote_version, was.quote_date, was.valid_until, was.total_amount, was.tax_rate, was.tax_amount,
            was.amount_with_tax, was.quote_status, was.quote_items, by_user, by_user)
$$;

-- POST /quotes/{id}/to-order: an order draft, once; who asks again is shown the same one.
CREATE FUNCTION quote_to_order(was quotes, by_user uuid, body jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF was.order_id IS NULL THEN
        INSERT INTO orders (order_id, quote_id, order_status, payment_status, created_by, updated_by)
        VALUES (uuid_v7(), was.quote_id, '草稿', '未付款', by_user, by_user);
    END IF;
END $$;

-- An order that names a quote is what becomes of it.
CREATE FUNCTION order_from_quote() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    quote quotes;
BEGIN
    SELECT q.* INTO quote FROM quotes q WHERE q.quote_id = NEW.quote_id FOR UPDATE;
    PERFORM quote_enter(quote, NEW.created_by, 'to-order', NEW.order_id);
    RETURN NULL;
END $$;
CREATE TRIGGER orders_from_quote AFTER INSERT ON orders
    FOR EACH ROW WHEN (NEW.quote_id IS NOT NULL) EXECUTE FUNCTION order_from_quote();

CREATE TRIGGER quotes_event AFTER INSERT OR UPDATE ON quotes
    FOR EACH ROW EXECUTE FUNCTION record_event('quote', 'quote_id', 'customer_text');
CREATE TRIGGER quote_versions_event AFTER INSERT OR UPDATE ON quote_versions
    FOR EACH ROW EXECUTE FUNCTION record_event('quote_version', 'quote_version_id');
CREATE TRIGGER quotes_announce AFTER UPDATE ON quotes FOR EACH ROW EXECUTE FUNCTION announce_name('quote_id', 'quote_number');

-- A rename is no change of an order or a quote: its version stays, and its tag changes with the name it shows.
CREATE FUNCTION sale_customer_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE orders SET customer_text = NEW.customer_name || E'\n' || NEW.pinyin WHERE customer_id = NEW.customer_id;
    UPDATE quotes SET customer_text = NEW.customer_name || E'\n' || NEW.pinyin WHERE customer_id = NEW.customer_id;
    RETURN NULL;
END $$;
CREATE TRIGGER customer_ref_renamed AFTER UPDATE OF customer_name, pinyin ON customer_ref
    FOR EACH ROW WHEN ((NEW.customer_name, NEW.pinyin) IS DISTINCT FROM (OLD.customer_name, OLD.pinyin))
    EXECUTE FUNCTION sale_customer_renamed();
