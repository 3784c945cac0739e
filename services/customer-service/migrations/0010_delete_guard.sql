-- A customer with open opportunities is not deleted. How many there are was asked of opportunity-service (customer_delete.c).
CREATE FUNCTION customer_before_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM conflict(jsonb_build_object('opportunities', 'are open: ' ||
        nullif(nullif(current_setting('crm.open_opportunities', true), ''), '0')));
    RETURN NEW;
END $$;
CREATE TRIGGER customers_before_delete BEFORE UPDATE OF deleted_time ON customers
    FOR EACH ROW WHEN (OLD.deleted_time IS NULL AND NEW.deleted_time IS NOT NULL) EXECUTE FUNCTION customer_before_delete();
