-- Customers, contacts, industries, regions. Column names are the property names of proto-json-schemas.

CREATE TABLE industries (
    industry_id   uuid PRIMARY KEY,
    industry_code text NOT NULL,
    industry_name text NOT NULL,
    parent_id     uuid REFERENCES industries,
    description   text,
    sort_order    integer NOT NULL DEFAULT 0,
    created_by    uuid,
    created_time  timestamptz NOT NULL DEFAULT now(),
    updated_by    uuid,
    updated_time  timestamptz NOT NULL DEFAULT now(),
    version       integer NOT NULL DEFAULT 1,
    deleted_time  timestamptz,
    pinyin        text NOT NULL DEFAULT '',
    search_text   text GENERATED ALWAYS AS (lower(industry_name || E'\n' || industry_code || E'\n' || pinyin)) STORED
);
CREATE UNIQUE INDEX industries_industry_code ON industries (industry_code) WHERE deleted_time IS NULL;
CREATE UNIQUE INDEX industries_industry_name ON industries (industry_name) WHERE deleted_time IS NULL;

CREATE TABLE regions (
    region_id    uuid PRIMARY KEY,
    region_code  text NOT NULL,
    region_name  text NOT NULL,
    parent_id    uuid REFERENCES regions,
    level        text,
    description  text,
    sort_order   integer NOT NULL DEFAULT 0,
    created_by   uuid,
    created_time timestamptz NOT NULL DEFAULT now(),
    updated_by   uuid,
    updated_time timestamptz NOT NULL DEFAULT now(),
    version      integer NOT NULL DEFAULT 1,
    deleted_time timestamptz,
    pinyin       text NOT NULL DEFAULT '',
    search_text  text GENERATED ALWAYS AS (lower(region_name || E'\n' || region_code || E'\n' || pinyin)) STORED
);
CREATE UNIQUE INDEX regions_region_code ON regions (region_code) WHERE deleted_time IS NULL;
CREATE INDEX regions_parent ON regions (parent_id) WHERE deleted_time IS NULL;

CREATE TABLE contacts (
    contact_id   uuid PRIMARY KEY,
    customer_id  uuid,
    contact_name text NOT NULL,
    gender       text,
    title        text,
    department   text,
    phone        text,
    email        text,
    wechat       text,
    description  text,
    created_by   uuid,
    created_time timestamptz NOT NULL DEFAULT now(),
    updated_by   uuid,
    updated_time timestamptz NOT NULL DEFAULT now(),
    version      integer NOT NULL DEFAULT 1,
    deleted_time timestamptz,
    pinyin       text NOT NULL DEFAULT '',
    search_text  text GENERATED ALWAYS AS (lower(contact_name || E'\n' || pinyin)) STORED
);

CREATE SEQUENCE customer_code_seq;
CREATE TABLE customers (
    customer_id        uuid PRIMARY KEY,
    customer_code      text NOT NULL,
    customer_name      text NOT NULL,
    customer_type      text NOT NULL,
    primary_contact_id uuid REFERENCES contacts,
    primary_contact    text,
    phone              text,
    email              text,
    address            text,
    customer_level     text,
    industry_id        uuid REFERENCES industries,
    company_size       text,
    credit_limit       numeric(15, 2) CHECK (credit_limit >= 0),
    payment_terms      text,
    region_id          uuid REFERENCES regions,
    source_channel     text,
    tags               json,
    status             text NOT NULL,
    created_by         uuid,
    created_time       timestamptz NOT NULL DEFAULT now(),
    updated_by         uuid,
    updated_time       timestamptz NOT NULL DEFAULT now(),
    description        text,
    version            integer NOT NULL DEFAULT 1,
    deleted_time       timestamptz,
    pinyin             text NOT NULL DEFAULT '',
    search_text        text GENERATED ALWAYS AS (lower(customer_name || E'\n' || customer_code || E'\n'
                                                 || coalesce(primary_contact, '') || E'\n' || pinyin)) STORED
);
ALTER TABLE contacts ADD FOREIGN KEY (customer_id) REFERENCES customers;

-- A list is "one filter, newest first": the index gives the page as a range and the total without touching the table.
CREATE UNIQUE INDEX customers_customer_code ON customers (customer_code) WHERE deleted_time IS NULL;
CREATE INDEX customers_created ON customers (created_time DESC, customer_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX customers_updated ON customers (updated_time DESC, customer_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX customers_name ON customers (customer_name, customer_id) WHERE deleted_time IS NULL;
CREATE INDEX customers_type ON customers (customer_type, created_time DESC, customer_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX customers_status ON customers (status, created_time DESC, customer_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX customers_industry ON customers (industry_id, created_time DESC, customer_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX customers_region ON customers (region_id, created_time DESC, customer_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX customers_level ON customers (customer_level, created_time DESC, customer_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX customers_size ON customers (company_size, created_time DESC, customer_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX customers_source ON customers (source_channel, created_time DESC, customer_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX customers_creator ON customers (created_by, created_time DESC, customer_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX customers_phone ON customers (phone) WHERE deleted_time IS NULL;
CREATE INDEX customers_email ON customers (lower(email)) WHERE deleted_time IS NULL;
CREATE INDEX customers_search ON customers USING gin (search_text public.gin_trgm_ops) WHERE deleted_time IS NULL;
CREATE INDEX customers_grams ON customers USING gin (search_grams(search_text)) WHERE deleted_time IS NULL;
-- A keyword that many have is counted by looking through all texts, which here lie closer together than in the table.
CREATE INDEX customers_texts ON customers (customer_id) INCLUDE (search_text) WHERE deleted_time IS NULL;
CREATE INDEX customers_contact ON customers (primary_contact_id) WHERE primary_contact_id IS NOT NULL;

CREATE INDEX contacts_created ON contacts (created_time DESC, contact_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX contacts_customer ON contacts (customer_id, created_time DESC, contact_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX contacts_phone ON contacts (phone) WHERE deleted_time IS NULL;
CREATE INDEX contacts_email ON contacts (lower(email)) WHERE deleted_time IS NULL;
CREATE INDEX contacts_search ON contacts USING gin (search_text public.gin_trgm_ops) WHERE deleted_time IS NULL;
CREATE INDEX contacts_grams ON contacts USING gin (search_grams(search_text)) WHERE deleted_time IS NULL;

CREATE FUNCTION customer_before_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WHILE NEW.customer_code IS NULL LOOP
        NEW.customer_code := 'C' || lpad(nextval('customer_code_seq')::text, 6, '0');
        IF EXISTS (SELECT FROM customers c WHERE c.customer_code = NEW.customer_code AND c.deleted_time IS NULL) THEN
            NEW.customer_code := NULL;
        END IF;
    END LOOP;
    NEW.primary_contact := (SELECT contact_name FROM contacts WHERE contact_id = NEW.primary_contact_id);
    RETURN NEW;
END $$;
CREATE TRIGGER customers_before BEFORE INSERT OR UPDATE OF customer_code, primary_contact_id ON customers
    FOR EACH ROW EXECUTE FUNCTION customer_before_write();

-- A contact that belongs to nobody yet is attached to the customer that names it as its primary one.
CREATE FUNCTION customer_attach_contact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE contacts SET customer_id = NEW.customer_id, version = version + 1
    WHERE contact_id = NEW.primary_contact_id AND customer_id IS NULL AND deleted_time IS NULL;
    -- Another customer may have taken it since the references were checked.
    IF NOT FOUND AND NOT EXISTS (SELECT FROM contacts WHERE contact_id = NEW.primary_contact_id AND customer_id = NEW.customer_id) THEN
        PERFORM refuse('{"primary_contact_id": "missing"}');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER customers_attach AFTER INSERT OR UPDATE OF primary_contact_id ON customers
    FOR EACH ROW WHEN (NEW.primary_contact_id IS NOT NULL) EXECUTE FUNCTION customer_attach_contact();

-- A primary contact's new name shows at its customer; a contact that is deleted or moves away stops being the primary one.
CREATE FUNCTION contact_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE customers
    SET primary_contact_id = CASE WHEN NEW.deleted_time IS NULL AND NEW.customer_id = customer_id THEN NEW.contact_id END,
        version = version + 1
    WHERE primary_contact_id = NEW.contact_id;
    RETURN NULL;
END $$;
CREATE TRIGGER contacts_follow AFTER UPDATE OF contact_name, deleted_time, customer_id ON contacts
    FOR EACH ROW WHEN ((OLD.contact_name, OLD.deleted_time, OLD.customer_id)
                       IS DISTINCT FROM (NEW.contact_name, NEW.deleted_time, NEW.customer_id) AND OLD.customer_id IS NOT NULL)
    EXECUTE FUNCTION contact_follow();

CREATE TRIGGER industries_tree BEFORE UPDATE ON industries FOR EACH ROW
    WHEN (NEW.parent_id IS DISTINCT FROM OLD.parent_id) EXECUTE FUNCTION refuse_cycle('industry_id', 'parent_id');
CREATE TRIGGER regions_tree BEFORE UPDATE ON regions FOR EACH ROW
    WHEN (NEW.parent_id IS DISTINCT FROM OLD.parent_id) EXECUTE FUNCTION refuse_cycle('region_id', 'parent_id');

CREATE TRIGGER customers_event AFTER INSERT OR UPDATE ON customers
    FOR EACH ROW EXECUTE FUNCTION record_event('customer', 'customer_id');
CREATE TRIGGER contacts_event AFTER INSERT OR UPDATE ON contacts
    FOR EACH ROW EXECUTE FUNCTION record_event('contact', 'contact_id');
CREATE TRIGGER industries_event AFTER INSERT OR UPDATE ON industries
    FOR EACH ROW EXECUTE FUNCTION record_event('industry', 'industry_id');
CREATE TRIGGER regions_event AFTER INSERT OR UPDATE ON regions
    FOR EACH ROW EXECUTE FUNCTION record_event('region', 'region_id');

CREATE TRIGGER customers_announce AFTER UPDATE ON customers
    FOR EACH ROW EXECUTE FUNCTION announce_name('customer_id', 'customer_name');
CREATE TRIGGER industries_announce AFTER UPDATE ON industries
    FOR EACH ROW EXECUTE FUNCTION announce_name('industry_id', 'industry_name');
CREATE TRIGGER regions_announce AFTER UPDATE ON regions
    FOR EACH ROW EXECUTE FUNCTION announce_name('region_id', 'region_name');
