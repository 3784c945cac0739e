-- A code has as many digits as its number needs: lpad() cut those of the millionth customer and all after it down to six, which then
-- were somebody else's.
CREATE OR REPLACE FUNCTION customer_before_write() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    n text;
BEGIN
    WHILE NEW.customer_code IS NULL LOOP
        n := nextval('customer_code_seq');
        NEW.customer_code := 'C' || lpad(n, greatest(length(n), 6), '0');
        IF EXISTS (SELECT FROM customers c WHERE c.customer_code = NEW.customer_code AND c.deleted_time IS NULL) THEN
            NEW.customer_code := NULL;
        END IF;
    END LOOP;
    NEW.primary_contact := (SELECT contact_name FROM contacts WHERE contact_id = NEW.primary_contact_id);
    RETURN NEW;
END $$;
