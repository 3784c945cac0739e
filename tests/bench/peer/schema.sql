-- The peer's own table, with the rows of customer-service's. What is encrypted there is by another key here, and the same in all rows:
-- psql -v phone=... -v email=... -v address=...
CREATE SCHEMA peer;
CREATE SEQUENCE peer.codes START 10000001;
CREATE TABLE peer.customers (
    customer_id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    customer_code      text NOT NULL DEFAULT 'C' || nextval('peer.codes'),
    customer_name      text NOT NULL,
    customer_type      text NOT NULL,
    primary_contact_id uuid,
    primary_contact    text,
    phone              bytea,
    phone_index        bytea,
    email              bytea,
    email_index        bytea,
    address            bytea,
    customer_level     text,
    industry_id        uuid,
    company_size       text,
    credit_limit       numeric(15, 2),
    payment_terms      text,
    region_id          uuid,
    source_channel     text,
    tags               json,
    status             text NOT NULL,
    created_by         uuid,
    created_time       timestamptz NOT NULL DEFAULT now(),
    updated_by         uuid,
    updated_time       timestamptz NOT NULL DEFAULT now(),
    description        text,
    version            integer NOT NULL DEFAULT 1,
    last_contact_time  timestamptz,
    search_text        text GENERATED ALWAYS AS (lower(customer_name || E'\n' || customer_code || E'\n' || coalesce(primary_contact, ''))) STORED
);
CREATE TABLE peer.outbox (seq bigserial PRIMARY KEY, event text NOT NULL, data jsonb NOT NULL, created_time timestamptz NOT NULL DEFAULT now());
CREATE TABLE peer.audit (seq bigserial PRIMARY KEY, user_id uuid NOT NULL, operation text NOT NULL, customer_id uuid NOT NULL, request_id text NOT NULL,
                         peer text NOT NULL, created_time timestamptz NOT NULL DEFAULT now());
INSERT INTO peer.customers
SELECT customer_id, customer_code, customer_name, customer_type, primary_contact_id, primary_contact, :'phone', phone_index, :'email', email_index,
       :'address', customer_level, industry_id, company_size, credit_limit, payment_terms, region_id, source_channel, tags, status,
       created_by, created_time, updated_by, updated_time, description, version
FROM customer.customers WHERE deleted_time IS NULL;
CREATE UNIQUE INDEX ON peer.customers (customer_code);
CREATE INDEX ON peer.customers (created_time DESC, customer_id DESC);
CREATE INDEX ON peer.customers (status, created_time DESC);
CREATE INDEX ON peer.customers (phone_index);
CREATE INDEX ON peer.customers (email_index);
CREATE INDEX ON peer.customers USING gin (search_text public.gin_trgm_ops);
VACUUM ANALYZE peer.customers;
