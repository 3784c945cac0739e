-- A contact belongs to whom its customer belongs to; one that has no customer yet, to who made it. Kept as a column, so that
-- whose it is costs a list no join. A customer's creator never changes: what can change is the customer.
ALTER TABLE contacts ADD owner_id uuid;

CREATE FUNCTION contact_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.owner_id := CASE WHEN NEW.customer_id IS NULL THEN NEW.created_by
                    ELSE (SELECT c.created_by FROM customers c WHERE c.customer_id = NEW.customer_id) END;
    RETURN NEW;
END $$;
CREATE TRIGGER contacts_owner BEFORE INSERT OR UPDATE OF customer_id ON contacts FOR EACH ROW EXECUTE FUNCTION contact_owner();

-- Nobody changed these records: no events.
ALTER TABLE contacts DISABLE TRIGGER USER;
UPDATE contacts t SET owner_id = t.created_by WHERE t.customer_id IS NULL;
UPDATE contacts t SET owner_id = c.created_by FROM customers c WHERE c.customer_id = t.customer_id;
ALTER TABLE contacts ENABLE TRIGGER USER;

CREATE INDEX contacts_owner ON contacts (owner_id, created_time DESC, contact_id DESC) WHERE deleted_time IS NULL;
