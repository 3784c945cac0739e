-- As in 0010_delete_guard.sql, with the orders that are not done with, of which order-service was asked.
CREATE OR REPLACE FUNCTION customer_before_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM conflict(jsonb_build_object(
        'opportunities', 'are open: ' || nullif(nullif(current_setting('crm.open_opportunities', true), ''), '0'),
        'orders', 'are not done with: ' || nullif(nullif(current_setting('crm.live_orders', true), ''), '0')));
    RETURN NEW;
END $$;
