-- Takes in what customer-service tells of a customer (common/app/follow.h). A record as it is now may come before events that led to it.
CREATE FUNCTION customer_event(event jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    data jsonb := event -> 'data';
BEGIN
    INSERT INTO customer_ref AS c (customer_id, customer_code, customer_name, customer_level, status, created_by, version,
                                   deleted_time, pinyin)
    VALUES ((event ->> 'aggregate_id')::uuid, data ->> 'customer_code', data ->> 'customer_name', data ->> 'customer_level',
            data ->> 'status', (data ->> 'created_by')::uuid, (event ->> 'version')::integer, (data ->> 'deleted_time')::timestamptz,
            coalesce(data ->> 'pinyin', ''))
    ON CONFLICT (customer_id) DO UPDATE SET customer_code = excluded.customer_code, customer_name = excluded.customer_name,
        customer_level = excluded.customer_level, status = excluded.status, created_by = excluded.created_by,
        version = excluded.version, deleted_time = excluded.deleted_time, pinyin = excluded.pinyin
    WHERE c.version <= excluded.version;
END $$;
