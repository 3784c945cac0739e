-- What was received for an order, and paid back; payment_status comes from it.

CREATE TABLE payments (
    payment_id   uuid PRIMARY KEY DEFAULT uuid_v7(),
    order_id     uuid NOT NULL REFERENCES orders,
    kind         text NOT NULL,
    amount       numeric(15, 2) NOT NULL CHECK (amount > 0),
    paid_date    date NOT NULL,
    method       text,
    note         text,
    created_by   uuid,
    created_time timestamptz NOT NULL DEFAULT now(),
    updated_by   uuid,
    updated_time timestamptz NOT NULL DEFAULT now(),
    version      integer NOT NULL DEFAULT 1,
    deleted_time timestamptz
);
CREATE INDEX payments_order ON payments (order_id, created_time, payment_id);
CREATE TRIGGER payments_event AFTER INSERT OR UPDATE ON payments
    FOR EACH ROW EXECUTE FUNCTION record_event('payment', 'payment_id');

CREATE FUNCTION order_payment_status(o orders) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN o.paid_amount >= o.amount_with_tax AND o.paid_amount > 0 THEN '已付款' WHEN o.paid_amount > 0 THEN '部分付款'
                WHEN EXISTS (SELECT FROM payments p WHERE p.order_id = o.order_id AND p.kind = '退款') THEN '已退款' ELSE '未付款' END
$$;

-- POST /orders/{id}/payments
CREATE FUNCTION order_pay(was orders, by_user uuid, body jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    is_refund CONSTANT boolean := body ->> 'kind' = '退款';
    amount    CONSTANT numeric := (body ->> 'amount')::numeric;
    most      CONSTANT numeric := CASE WHEN is_refund THEN was.paid_amount ELSE was.amount_with_tax - was.paid_amount END;
    is_now    orders := was;
BEGIN
    IF order_is_open(was.order_status) OR was.order_status = '审批中' OR (NOT is_refund AND was.order_status IN ('已取消', '已作废')) THEN
        PERFORM conflict(jsonb_build_object('order_status', fault('has to be another one for this',
            VARIADIC ARRAY['已审批', '处理中', '部分发货', '已发货', '已完成', '退货中'] || CASE WHEN is_refund THEN ARRAY['已取消', '已作废'] ELSE '{}' END)));
    END IF;
    PERFORM refuse(jsonb_strip_nulls(jsonb_build_object('amount', CASE
        WHEN amount <= 0 THEN fault('is not more than 0')
        WHEN amount > most THEN fault(CASE WHEN is_refund THEN 'is more than was paid' ELSE 'is more than is owed' END, most::text) END)));
    INSERT INTO payments (order_id, kind, amount, paid_date, method, note, created_by, updated_by)
    VALUES (was.order_id, body ->> 'kind', amount, coalesce((body ->> 'paid_date')::date, current_date), body ->> 'method', body ->> 'note',
            by_user, by_user);
    is_now.paid_amount := was.paid_amount + CASE WHEN is_refund THEN -amount ELSE amount END;
    UPDATE orders o SET paid_amount = is_now.paid_amount, payment_status = order_payment_status(is_now), version = o.version + 1,
                        updated_by = by_user, updated_time = now()
    WHERE o.order_id = was.order_id;
END $$;
