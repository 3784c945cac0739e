-- Contacts in the order of their names, as customers: without it each page sorts them all.

CREATE INDEX contacts_name ON contacts (contact_name, contact_id) WHERE deleted_time IS NULL;
