-- What a list is sorted by, and had no index.
CREATE INDEX contacts_updated ON contacts (updated_time DESC, contact_id DESC) WHERE deleted_time IS NULL;
