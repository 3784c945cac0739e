-- What this service knows of customers, from the events of customer-service. Nobody else writes here.
CREATE TABLE customer_ref (
    customer_id    uuid PRIMARY KEY,
    customer_code  text NOT NULL,
    customer_name  text NOT NULL,
    customer_level text,
    status         text NOT NULL,
    created_by     uuid,
    version        integer NOT NULL,
    deleted_time   timestamptz,
    pinyin         text NOT NULL DEFAULT ''
);
CREATE INDEX customer_ref_creator ON customer_ref (created_by);
CREATE TRIGGER customer_ref_announce AFTER UPDATE ON customer_ref
    FOR EACH ROW EXECUTE FUNCTION announce_name('customer_id', 'customer_name');
