-- The API stamps what it creates with the present; a demo looks better with a history. Spreads the demo customers (and their
-- contacts) over the two years before the load, more of them lately, in working hours. Ordinary updates: events and versions follow.

UPDATE customers
SET created_time = history.created,
    updated_time = history.created + (now() - history.created) * 0.3,
    version = version + 1
FROM (SELECT customer_id AS id,
             date_trunc('day', now(), 'Asia/Shanghai')
             - interval '1 day' * ceil(730 * power((hashtext(customer_code) & 65535) / 65535.0, 1.6))
             + interval '1 minute' * (540 + (hashtext(customer_name) & 511)) AS created
      FROM customers WHERE customer_code LIKE 'KH%') AS history
WHERE customer_id = history.id AND history.created < now();

UPDATE contacts
SET created_time = customers.created_time + interval '7 minutes',
    updated_time = customers.updated_time,
    version = contacts.version + 1
FROM customers
WHERE contacts.customer_id = customers.customer_id AND customers.customer_code LIKE 'KH%';
