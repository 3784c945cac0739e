-- Orders, each of which holds its items: one row is written or none. How an order moves, and how it came to where it is.

CREATE SEQUENCE order_numbers;

-- `moves` counts the statuses that an order has been through; only a procedure adds to it, and only with it a status changes.
-- `customer_text` is what a keyword finds of the customer.
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
    shipping_address       bytea,
    expected_delivery_date date,
    payment_terms          text,
    order_status           text NOT NULL,
    payment_status         text NOT NULL,
    erp_sync_status        text NOT NULL DEFAULT '待同步',
    paid_amount            numeric(15, 2) NOT NULL DEFAULT 0,
    assigned_to            uuid NOT NULL,
    order_items            json NOT NULL,
    created_by             uuid,
    created_time           timestamptz NOT NULL DEFAULT now(),
    updated_by             uuid,
    updated_time           timestamptz NOT NULL DEFAULT now(),
    description            text,
    version                integer NOT NULL DEFAULT 1,
    deleted_time           timestamptz,
    moves                  integer NOT NULL DEFAULT 0,
    customer_text          text NOT NULL DEFAULT '',
    search_text            text GENERATED ALWAYS AS (lower(order_number || E'\n' || customer_text)) STORED,
    CONSTRAINT orders_have_items CHECK (json_array_length(order_items) BETWEEN 1 AND 500),
    CONSTRAINT orders_add_up CHECK (amount_with_tax = total_amount + tax_amount),
    CONSTRAINT orders_paid CHECK (paid_amount BETWEEN 0 AND amount_with_tax)
);
CREATE UNIQUE INDEX orders_order_number ON orders (order_number) WHERE deleted_time IS NULL;
CREATE INDEX orders_dated ON orders (order_date DESC, order_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX orders_created ON orders (created_time DESC, order_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX orders_updated ON orders (updated_time DESC, order_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX orders_total ON orders (total_amount DESC, order_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX orders_customer ON orders (customer_id, order_date DESC, order_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX orders_status ON orders (order_status, order_date DESC, order_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX orders_payment ON orders (payment_status, order_date DESC, order_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX orders_erp ON orders (erp_sync_status, order_date DESC, order_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX orders_owner ON orders (assigned_to, order_date DESC, order_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX orders_opportunity ON orders (opportunity_id, order_date DESC, order_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX orders_search ON orders USING gin (search_text public.gin_trgm_ops) WHERE deleted_time IS NULL;
CREATE INDEX orders_grams ON orders USING gin (search_grams(search_text)) WHERE deleted_time IS NULL;
CREATE INDEX orders_texts ON orders (order_id) INCLUDE (search_text) WHERE deleted_time IS NULL;

-- One row per status that an order entered, the first one without a status before.
CREATE TABLE order_history (
    history_id   uuid PRIMARY KEY DEFAULT uuid_v7(),
    order_id     uuid NOT NULL REFERENCES orders,
    sequence     integer NOT NULL,
    from_status  text,
    to_status    text NOT NULL,
    reason       text,
    created_by   uuid,
    created_time timestamptz NOT NULL DEFAULT now(),
    updated_by   uuid,
    updated_time timestamptz NOT NULL DEFAULT now(),
    version      integer NOT NULL DEFAULT 1,
    deleted_time timestamptz
);
CREATE UNIQUE INDEX order_history_sequence ON order_history (order_id, sequence);

-- --- where an order may go --------------------------------------------------------------------------------------------------

-- `action`: the operation that does it. 已提交 is passed through: 审批中 or 已审批 follows at once (order_judged).
CREATE TABLE order_transitions (
    from_status text NOT NULL,
    to_status   text NOT NULL,
    action      text NOT NULL,
    needs       text[] NOT NULL DEFAULT '{}',
    place       integer GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (from_status, to_status)
);
INSERT INTO order_transitions (from_status, to_status, action, needs) VALUES
    ('草稿', '已提交', 'submit', '{}'),
    ('草稿', '已取消', 'cancel', '{}'),
    ('已驳回', '已提交', 'submit', '{}'),
    ('已驳回', '已取消', 'cancel', '{}'),
    ('审批中', '已审批', 'approve', '{}'),
    ('审批中', '已驳回', 'reject', '{reason}'),
    ('审批中', '已取消', 'cancel', '{reason}'),
    ('已审批', '处理中', 'status', '{}'),
    ('已审批', '已取消', 'cancel', '{reason}'),
    ('处理中', '部分发货', 'status', '{}'),
    ('处理中', '已发货', 'status', '{}'),
    ('处理中', '已取消', 'cancel', '{reason}'),
    ('部分发货', '已发货', 'status', '{}'),
    ('部分发货', '退货中', 'status', '{reason}'),
    ('已发货', '已完成', 'status', '{}'),
    ('已发货', '退货中', 'status', '{reason}'),
    ('已完成', '退货中', 'status', '{reason}'),
    ('退货中', '已完成', 'status', '{reason}'),
    ('退货中', '已作废', 'status', '{reason}'),
    ('已取消', '草稿', 'status', '{reason}');

CREATE FUNCTION order_allowed(o orders, actions text[]) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(t.to_status ORDER BY t.place), '{}') FROM order_transitions t
    WHERE t.from_status = o.order_status AND t.action = ANY (actions)
$$;

-- Its items, prices and references may change.
CREATE FUNCTION order_is_open(status text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT status IN ('草稿', '已驳回')
$$;

-- What becomes of an order that is submitted: above this amount (ORDER_APPROVAL_AMOUNT) somebody has to approve it.
CREATE FUNCTION order_judged(total numeric) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN total > coalesce(nullif(current_setting('crm.approval_amount', true), '')::numeric, 0) THEN '审批中' ELSE '已审批' END
$$;

-- --- what an order comes to ---------------------------------------------------------------------------------------------------

-- What an order says of a quote, or of an opportunity, says the rest where it is left out. The order of a won opportunity (crm.of_won) is
-- that of the quote that was accepted last, when it names none.
CREATE FUNCTION order_derived(o orders) RETURNS orders LANGUAGE plpgsql AS $$
DECLARE
    won CONSTANT boolean := current_setting('crm.of_won', true) = '1';
    from_quote record;
    from_opportunity opportunity_ref;
BEGIN
    SELECT r.* INTO from_opportunity FROM opportunity_ref r WHERE r.opportunity_id = o.opportunity_id AND r.deleted_time IS NULL;
    IF won AND from_opportunity.status IS DISTINCT FROM '赢单' THEN
        PERFORM conflict(jsonb_build_object('opportunity_id', 'is not won'));
    END IF;
    IF won AND o.quote_id IS NULL AND o.order_items IS NULL THEN
        o.quote_id := (SELECT q.quote_id FROM quotes q WHERE q.opportunity_id = o.opportunity_id AND q.quote_status = '已接受'
                       AND q.deleted_time IS NULL ORDER BY q.quote_date DESC, q.quote_id DESC LIMIT 1);
    END IF;
    SELECT q.* INTO from_quote FROM quotes q WHERE q.quote_id = o.quote_id AND q.deleted_time IS NULL;
    o.customer_id := coalesce(o.customer_id, from_quote.customer_id, from_opportunity.customer_id);
    o.opportunity_id := coalesce(o.opportunity_id, from_quote.opportunity_id);
    o.assigned_to := coalesce(o.assigned_to, from_quote.assigned_to, CASE WHEN won THEN from_opportunity.assigned_to END);
    o.order_items := coalesce(o.order_items, from_quote.quote_items);
    o.tax_rate := coalesce(o.tax_rate, from_quote.tax_rate);
    o.payment_terms := coalesce(o.payment_terms, from_quote.payment_terms);
    o.description := coalesce(o.description, from_quote.description);
    PERFORM refuse(jsonb_strip_nulls(jsonb_build_object(
        'customer_id', CASE WHEN o.customer_id IS NULL THEN 'missing' END,
        'order_items', CASE WHEN o.order_items IS NULL THEN fault('are needed: no quote has been accepted') END)));
    RETURN o;
END $$;

-- What is left out is counted, what is given must be right. Of a change, a total that is what it was counts as left out. An order from a
-- quote has the names and prices that were quoted.
CREATE FUNCTION order_before_write() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_new CONSTANT boolean := TG_OP = 'INSERT';
    held   json;
    sale   record;
BEGIN
    IF is_new THEN
        NEW := order_derived(NEW);
        held := (SELECT q.quote_items FROM quotes q WHERE q.quote_id = NEW.quote_id);
    ELSE
        held := OLD.order_items;
    END IF;
    NEW.order_date := coalesce(NEW.order_date, current_date);
    NEW.tax_rate := coalesce(NEW.tax_rate, 13);
    NEW.assigned_to := coalesce(NEW.assigned_to, NEW.created_by);
    sale := sale_counted('order_items', NEW.order_items, held, NEW.customer_id, NEW.opportunity_id, NEW.quote_id, NEW.tax_rate,
                         CASE WHEN is_new OR NEW.total_amount <> OLD.total_amount THEN NEW.total_amount END,
                         CASE WHEN is_new OR NEW.tax_amount <> OLD.tax_amount THEN NEW.tax_amount END);
    PERFORM refuse(sale.faults || jsonb_strip_nulls(jsonb_build_object(
        'expected_delivery_date', CASE WHEN NEW.expected_delivery_date < NEW.order_date THEN fault('is before order_date') END,
        'order_status', CASE WHEN is_new AND NEW.order_status NOT IN ('草稿', '已提交') THEN
            fault('is not where an order begins', '草稿', '已提交') END,
        'payment_status', CASE WHEN is_new AND NEW.payment_status <> '未付款' THEN fault('comes from payments', '未付款') END)));
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
CREATE TRIGGER orders_begin BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION order_before_write();

-- What an update may not do because of what the order is: statuses change by procedures alone, and of an order that was submitted only
-- notes, where it goes and who is responsible change at all.
CREATE FUNCTION order_forbidden(old orders, new orders) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_object_agg(n.key, CASE n.key
               WHEN 'order_status' THEN fault('changes by /submit, /cancel, /approve, /reject and /status',
                                              VARIADIC order_allowed(old, '{submit,cancel,approve,reject,status}'))
               WHEN 'payment_status' THEN fault('changes by /payments')
               WHEN 'quote_id' THEN fault('is given when an order is made')
               ELSE fault('cannot change once the order is ' || old.order_status) END), '{}')
    FROM jsonb_each(to_jsonb(new)) n
    WHERE n.value IS DISTINCT FROM to_jsonb(old) -> n.key
      AND (n.key IN ('order_status', 'payment_status', 'quote_id')
           OR (NOT order_is_open(old.order_status) AND n.key IN (
               'order_number', 'customer_id', 'opportunity_id', 'order_date', 'total_amount', 'tax_rate', 'tax_amount',
               'expected_delivery_date', 'payment_terms', 'order_items')))
$$;

CREATE FUNCTION order_before_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.assigned_to := coalesce(NEW.assigned_to, NEW.created_by);
    PERFORM conflict(order_forbidden(OLD, NEW));
    IF NEW.deleted_time IS NOT NULL AND OLD.deleted_time IS NULL AND NOT order_is_open(OLD.order_status)
       AND OLD.order_status NOT IN ('已取消', '已作废') THEN
        PERFORM conflict(jsonb_build_object('order_status', fault('has to be another one for this', '草稿', '已驳回', '已取消', '已作废')));
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER orders_before BEFORE UPDATE ON orders
    FOR EACH ROW WHEN (NEW.moves = OLD.moves AND NEW.paid_amount = OLD.paid_amount AND NEW.customer_text = OLD.customer_text)
    EXECUTE FUNCTION order_before_update();
-- After the one above, by its name. A given order number may be cleared: it gets a new one.
CREATE TRIGGER orders_change BEFORE UPDATE OF customer_id, opportunity_id, order_date, tax_rate, total_amount, tax_amount,
    expected_delivery_date, order_items, order_number ON orders
    FOR EACH ROW WHEN (order_is_open(OLD.order_status) AND NEW.moves = OLD.moves) EXECUTE FUNCTION order_before_write();

-- --- how an order moves -------------------------------------------------------------------------------------------------------

-- The statuses that one step goes through: what is submitted is judged at once.
CREATE FUNCTION order_history_add(was_status text, o orders, through text[], reason text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO order_history (order_id, sequence, from_status, to_status, reason, created_by, created_time, updated_by, updated_time)
    SELECT o.order_id, o.moves - cardinality(through) + s.n, CASE WHEN s.n = 1 THEN was_status ELSE through[s.n - 1] END, s.status,
           CASE WHEN s.n = 1 THEN reason END, o.updated_by, o.updated_time, o.updated_by, o.updated_time
    FROM unnest(through) WITH ORDINALITY AS s (status, n);
END $$;

CREATE FUNCTION order_begun() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM order_history_add(NULL, NEW, CASE NEW.order_status WHEN '草稿' THEN ARRAY['草稿'] ELSE ARRAY['已提交', NEW.order_status] END, NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER orders_begun AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION order_begun();

-- Everything that moves an order ends here. `was` is the record, locked by who calls.
CREATE FUNCTION order_enter(was orders, by_user uuid, becomes text, actions text[], body jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    move    order_transitions;
    through text[] := ARRAY[becomes];
    is_now  orders;
BEGIN
    SELECT t.* INTO move FROM order_transitions t
    WHERE t.from_status = was.order_status AND t.to_status = becomes AND t.action = ANY (actions);
    IF NOT FOUND THEN
        PERFORM conflict(jsonb_build_object('order_status',
            fault('cannot follow ' || was.order_status, VARIADIC order_allowed(was, actions))));
    END IF;
    IF 'reason' = ANY (move.needs) AND coalesce(btrim(body ->> 'reason'), '') = '' THEN
        PERFORM refuse(jsonb_build_object('reason', fault('is needed for this move')));
    END IF;
    IF becomes = '已提交' THEN
        PERFORM refuse(sale_missing(was.customer_id, was.opportunity_id, was.quote_id));
        through := through || order_judged(was.total_amount);
    END IF;
    UPDATE orders o SET order_status = through[cardinality(through)], moves = o.moves + cardinality(through), version = o.version + 1,
                        updated_by = by_user, updated_time = now()
    WHERE o.order_id = was.order_id RETURNING o.* INTO is_now;
    PERFORM order_history_add(was.order_status, is_now, through, body ->> 'reason');
END $$;

-- POST /orders/{id}/submit, /cancel, /approve, /reject, /status
CREATE FUNCTION order_submit(was orders, by_user uuid, body jsonb) RETURNS void LANGUAGE sql AS $$
    SELECT order_enter(was, by_user, '已提交', '{submit}', body)
$$;
CREATE FUNCTION order_cancel(was orders, by_user uuid, body jsonb) RETURNS void LANGUAGE sql AS $$
    SELECT order_enter(was, by_user, '已取消', '{cancel}', body)
$$;
CREATE FUNCTION order_approve(was orders, by_user uuid, body jsonb) RETURNS void LANGUAGE sql AS $$
    SELECT order_enter(was, by_user, '已审批', '{approve}', body)
$$;
CREATE FUNCTION order_reject(was orders, by_user uuid, body jsonb) RETURNS void LANGUAGE sql AS $$
    SELECT order_enter(was, by_user, '已驳回', '{reject}', body)
$$;
CREATE FUNCTION order_status_set(was orders, by_user uuid, body jsonb) RETURNS void LANGUAGE sql AS $$
    SELECT order_enter(was, by_user, body ->> 'order_status', '{submit,cancel,status}', body)
$$;

-- --- events -------------------------------------------------------------------------------------------------------------------

-- A move has a name of its own among the events; one that is created submitted says so by its status.
CREATE TABLE order_event_types (
    order_status text PRIMARY KEY,
    type         text NOT NULL
);
INSERT INTO order_event_types VALUES ('草稿', 'order.reopened'), ('已提交', 'order.submitted'), ('审批中', 'order.submitted'),
    ('已审批', 'order.approved'), ('已驳回', 'order.rejected'), ('处理中', 'order.processing'), ('部分发货', 'order.partly_shipped'),
    ('已发货', 'order.shipped'), ('已完成', 'order.completed'), ('已取消', 'order.cancelled'), ('退货中', 'order.returning'), ('已作废', 'order.voided');

CREATE FUNCTION order_event_named() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.type := (SELECT t.type FROM order_event_types t WHERE t.order_status = NEW.after ->> 'order_status');
    RETURN NEW;
END $$;
CREATE TRIGGER outbox_order_moved BEFORE INSERT ON outbox
    FOR EACH ROW WHEN (NEW.type = 'order.updated' AND NEW.before ->> 'order_status' <> NEW.after ->> 'order_status')
    EXECUTE FUNCTION order_event_named();

CREATE TRIGGER orders_event AFTER INSERT OR UPDATE ON orders
    FOR EACH ROW WHEN (current_setting('crm.resealing', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION record_event('order', 'order_id', 'customer_text', 'shipping_address');
CREATE TRIGGER order_history_event AFTER INSERT OR UPDATE ON order_history
    FOR EACH ROW EXECUTE FUNCTION record_event('order_history', 'history_id');
CREATE TRIGGER orders_announce AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION announce_name('order_id', 'order_number');
