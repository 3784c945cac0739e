-- E-mail and phone of users are stored encrypted (common/schema/seal.h), with blind indexes by which a keyword finds them.
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

ALTER TABLE users
    ALTER phone TYPE bytea USING '\x0000000000'::bytea || convert_to(phone, 'UTF8'),
    ALTER email TYPE bytea USING '\x0000000000'::bytea || convert_to(email, 'UTF8'),
    ADD phone_index bytea,
    ADD email_index bytea;
CREATE INDEX users_phone ON users (phone_index) WHERE deleted_time IS NULL;
CREATE INDEX users_email ON users (email_index) WHERE deleted_time IS NULL;

-- Events and kept replies of the last days hold rows as they were. Nobody reads these fields of them.
UPDATE outbox SET before = before - '{phone,email}'::text[], after = after - '{phone,email}'::text[] WHERE aggregate = 'user';
UPDATE idempotency SET reply = reply - '{phone,email}'::text[];
TRUNCATE list_total;

-- To seal a value anew is no change of the record.
CREATE OR REPLACE TRIGGER users_event AFTER UPDATE ON users
    FOR EACH ROW WHEN (to_jsonb(OLD) - 'generation' IS DISTINCT FROM to_jsonb(NEW) - 'generation'
                       AND current_setting('crm.resealing', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION record_event('user', 'user_id', 'password_hash');
