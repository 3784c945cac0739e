-- When somebody last spoke with a customer: opportunity-service tells of the activities (common/app/follow.h).

ALTER TABLE customers ADD last_contact_time timestamptz;

-- No change of the customer: its version stays, and its tag changes with what it shows.
CREATE FUNCTION opportunity_event(event jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    data    jsonb := event -> 'data';
    contact timestamptz := least(coalesce(data ->> 'end_time', data ->> 'start_time')::timestamptz, (data ->> 'completed_time')::timestamptz);
BEGIN
    IF data ->> 'related_type' = '客户' AND data ->> 'status' = '已完成' AND data ->> 'deleted_time' IS NULL THEN
        UPDATE customers c SET last_contact_time = contact
        WHERE c.customer_id = (data ->> 'related_id')::uuid AND (c.last_contact_time < contact) IS NOT FALSE;
    END IF;
END $$;
