-- Phone, e-mail and address are stored encrypted (common/schema/seal.h), with a blind index where a keyword finds them.
--
-- SQL cannot seal a value, so what there is keeps its text behind a head of zeros, which says "not sealed yet", and data_keys says
-- so too: the service does not start before the command rotate-data-keys has sealed it all.

-- Which keys values may be sealed with: common/rest/data_keys.h.
CREATE TABLE data_keys (
    name         text PRIMARY KEY,
    canary       bytea NOT NULL,
    created_time timestamptz NOT NULL DEFAULT now()
);
INSERT INTO data_keys (name, canary) VALUES ('clear', '');

DROP INDEX customers_phone, customers_email, contacts_phone, contacts_email;
ALTER TABLE customers
    ALTER phone TYPE bytea USING '\x0000000000'::bytea || convert_to(phone, 'UTF8'),
    ALTER email TYPE bytea USING '\x0000000000'::bytea || convert_to(email, 'UTF8'),
    ALTER address TYPE bytea USING '\x0000000000'::bytea || convert_to(address, 'UTF8'),
    ADD phone_index bytea,
    ADD email_index bytea;
ALTER TABLE contacts
    ALTER phone TYPE bytea USING '\x0000000000'::bytea || convert_to(phone, 'UTF8'),
    ALTER email TYPE bytea USING '\x0000000000'::bytea || convert_to(email, 'UTF8'),
    ADD phone_index bytea,
    ADD email_index bytea;
CREATE INDEX customers_phone ON customers (phone_index) WHERE deleted_time IS NULL;
CREATE INDEX customers_email ON customers (email_index) WHERE deleted_time IS NULL;
CREATE INDEX contacts_phone ON contacts (phone_index) WHERE deleted_time IS NULL;
CREATE INDEX contacts_email ON contacts (email_index) WHERE deleted_time IS NULL;

-- Events and kept replies of the last days hold rows as they were. Nobody reads these fields of them.
UPDATE outbox SET before = before - '{phone,email,address}'::text[], after = after - '{phone,email,address}'::text[]
WHERE aggregate IN ('customer', 'contact');
UPDATE idempotency SET reply = reply - '{phone,email,address}'::text[];
TRUNCATE list_total;

-- To seal a value anew is no change of the record.
CREATE OR REPLACE TRIGGER customers_event AFTER INSERT OR UPDATE ON customers
    FOR EACH ROW WHEN (current_setting('crm.resealing', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION record_event('customer', 'customer_id');
CREATE OR REPLACE TRIGGER contacts_event AFTER INSERT OR UPDATE ON contacts
    FOR EACH ROW WHEN (current_setting('crm.resealing', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION record_event('contact', 'contact_id');
