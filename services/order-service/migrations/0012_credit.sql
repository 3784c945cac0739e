-- Credit: what customers owe, or will, against what they may. Each change of an order's part is an entry, in the order's own transaction.

CREATE TABLE credit_accounts (
    customer_id uuid PRIMARY KEY,
    used        numeric NOT NULL -- the sum of its entries; the row's lock is the customer's
);

CREATE TABLE credit_entries (
    entry_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id  uuid NOT NULL,
    order_id     uuid NOT NULL REFERENCES orders,
    amount       numeric(15, 2) NOT NULL, -- more than 0: taken; less: given back
    used         numeric NOT NULL,        -- by the customer, after it
    order_status text NOT NULL,           -- of the order, after it
    created_by   uuid,
    created_time timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX credit_entries_customer ON credit_entries (customer_id, entry_id);
CREATE INDEX credit_entries_order ON credit_entries (order_id);

-- What an order takes of its customer's credit: what is not paid of it, from its submission until it is rejected, cancelled or void.
CREATE FUNCTION order_outstanding(o orders) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN o.deleted_time IS NULL AND o.order_status NOT IN ('草稿', '已驳回', '已取消', '已作废')
                THEN o.amount_with_tax - o.paid_amount ELSE 0 END
$$;
CREATE INDEX orders_outstanding ON orders (customer_id) INCLUDE (amount_with_tax, paid_amount)
    WHERE deleted_time IS NULL AND order_status NOT IN ('草稿', '已驳回', '已取消', '已作废');

-- CR010 with the reasons as DETAIL, as refuse() has them.
CREATE FUNCTION refuse_credit(reasons jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'credit exceeded' USING ERRCODE = 'CR010', DETAIL = reasons::text;
END $$;

-- A move that takes credit is refused when there is not enough; what a payment that is paid back takes is owed whatever the limit is.
CREATE FUNCTION order_credit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    taken CONSTANT numeric := order_outstanding(NEW) - CASE WHEN TG_OP = 'UPDATE' THEN order_outstanding(OLD) ELSE 0 END;
    is_move CONSTANT boolean := TG_OP = 'INSERT' OR NEW.moves > OLD.moves;
    used_now numeric;
    customer customer_ref;
BEGIN
    IF taken = 0 THEN
        RETURN NULL;
    END IF;
    INSERT INTO credit_accounts AS a (customer_id, used) VALUES (NEW.customer_id, taken)
    ON CONFLICT (customer_id) DO UPDATE SET used = a.used + excluded.used RETURNING a.used INTO used_now;
    SELECT c.* INTO customer FROM customer_ref c WHERE c.customer_id = NEW.customer_id;
    IF is_move AND taken > 0 AND NOT customer.credit_known THEN
        PERFORM conflict(jsonb_build_object('customer_id', 'is new, and its credit limit not known yet: again in a second'));
    ELSIF is_move AND taken > 0 AND used_now > customer.credit_limit THEN
        PERFORM refuse_credit(jsonb_build_object('amount_with_tax', fault(
            format('is more than is free: credit limit %s, used %s, needed %s', customer.credit_limit, used_now - taken, taken),
            credit_free(customer.credit_limit, used_now - taken)::text)));
    END IF;
    INSERT INTO credit_entries (customer_id, order_id, amount, used, order_status, created_by)
    VALUES (NEW.customer_id, NEW.order_id, taken, used_now, NEW.order_status, NEW.updated_by);
    RETURN NULL;
END $$;
CREATE TRIGGER orders_credit AFTER INSERT OR UPDATE OF order_status, paid_amount, deleted_time, amount_with_tax, customer_id ON orders
    FOR EACH ROW EXECUTE FUNCTION order_credit();

-- Whatever differs between the orders, the entries and the accounts: nothing, ever.
CREATE FUNCTION credit_differences() RETURNS TABLE (customer_id uuid, order_id uuid, orders numeric, entries numeric, account numeric)
LANGUAGE sql STABLE AS $$
    WITH per_order AS (
        SELECT o.customer_id, o.order_id, order_outstanding(o) AS owed,
               coalesce((SELECT sum(e.amount) FROM credit_entries e
                         WHERE e.order_id = o.order_id AND e.customer_id = o.customer_id), 0) AS booked
        FROM orders o
    )
    SELECT p.customer_id, p.order_id, p.owed, p.booked, NULL::numeric FROM per_order p WHERE p.owed <> p.booked
    UNION ALL
    SELECT coalesce(a.customer_id, b.customer_id), NULL, NULL, b.booked, a.used
    FROM credit_accounts a
    FULL JOIN (SELECT e.customer_id, sum(e.amount) AS booked FROM credit_entries e GROUP BY e.customer_id) b USING (customer_id)
    WHERE a.used IS DISTINCT FROM b.booked
$$;

-- --- what is shown of it ------------------------------------------------------------------------------------------------------

-- What is left of a limit; NULL: there is none.
CREATE FUNCTION credit_free(most numeric, used numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN most IS NOT NULL THEN greatest(most - used, 0.00) END
$$;

CREATE FUNCTION credit_orders(customer uuid) RETURNS json LANGUAGE sql STABLE AS $$
    SELECT coalesce(json_agg(json_build_object('order_id', o.order_id, 'order_number', o.order_number, 'order_status', o.order_status,
               'amount_with_tax', o.amount_with_tax, 'paid_amount', o.paid_amount, 'outstanding', order_outstanding(o))
               ORDER BY o.order_date DESC, o.order_id DESC), '[]')
    FROM (SELECT * FROM orders o WHERE o.customer_id = customer AND order_outstanding(o) <> 0
          ORDER BY o.order_date DESC, o.order_id DESC LIMIT 200) o
$$;

CREATE FUNCTION credit_last_entries(customer uuid) RETURNS json LANGUAGE sql STABLE AS $$
    SELECT coalesce(json_agg(json_build_object('time', to_char(e.created_time, 'YYYY-MM-DD HH24:MI:SS'), 'order_id', e.order_id,
               'amount', e.amount, 'used', e.used, 'order_status', e.order_status) ORDER BY e.entry_id DESC), '[]')
    FROM (SELECT * FROM credit_entries e WHERE e.customer_id = customer ORDER BY e.entry_id DESC LIMIT 200) e
$$;

-- Not done with: it is neither over nor, when it is delivered, paid.
CREATE FUNCTION order_is_live(o orders) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT order_outstanding(o) > 0 OR o.order_status NOT IN ('已完成', '已取消', '已作废')
$$;
