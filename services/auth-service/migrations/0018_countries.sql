-- The countries of addresses, as an operator has loaded them (auth-service load-countries), and where users have logged in from.

CREATE TABLE address_countries (
    prefix  cidr PRIMARY KEY,
    country text NOT NULL
);
CREATE TABLE login_countries (
    username     text,
    country      text,
    created_time timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (username, country)
);
ALTER TABLE security_alerts ADD COLUMN country text;

-- All of them anew: lines of a prefix and a country. The last one of a prefix counts. How many there are then.
CREATE FUNCTION address_countries_load(lines text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    loaded integer;
BEGIN
    LOCK TABLE address_countries IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM address_countries;
    INSERT INTO address_countries
    SELECT DISTINCT ON (prefix) split_part(l.line, ' ', 1)::cidr AS prefix, split_part(l.line, ' ', 2)
    FROM string_to_table(lines, E'\n') WITH ORDINALITY AS l (line, nth) WHERE l.line <> '' ORDER BY prefix, l.nth DESC;
    GET DIAGNOSTICS loaded = ROW_COUNT;
    RETURN loaded;
END $$;

-- Of the longest prefix that holds it; NULL: none does, or it is no address. One look-up in the index for each length.
CREATE FUNCTION address_country(of_address text) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    address inet;
BEGIN
    address := of_address;
    RETURN (SELECT c.country FROM generate_series(masklen(address), 0, -1) AS bits
            JOIN address_countries c ON c.prefix = set_masklen(address::cidr, bits) ORDER BY bits DESC LIMIT 1);
EXCEPTION WHEN invalid_text_representation THEN
    RETURN NULL;
END $$;

CREATE FUNCTION security_alert_country() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.country := address_country(NEW.address);
    RETURN NEW;
END $$;
CREATE TRIGGER security_alerts_country BEFORE INSERT ON security_alerts FOR EACH ROW EXECUTE FUNCTION security_alert_country();

-- A login from a country that the user has never logged in from, of one who has from others.
CREATE FUNCTION security_login_country() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    from_there text := address_country(NEW.address);
BEGIN
    IF from_there IS NULL THEN
        RETURN NULL;
    END IF;
    INSERT INTO login_countries (username, country) VALUES (NEW.username, from_there) ON CONFLICT DO NOTHING;
    IF FOUND AND EXISTS (SELECT FROM login_countries c WHERE c.username = NEW.username AND c.country <> from_there) THEN
        PERFORM security_alert_add(jsonb_build_object('alert_id', gen_random_uuid(), 'time', NEW.time, 'rule', 'NEW_COUNTRY',
            'subject_kind', 'account', 'subject', NEW.username, 'hits', 1, 'address', NEW.address, 'request_id', NEW.log_id), NEW.created_by);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER audit_records_country AFTER INSERT ON audit_records FOR EACH ROW WHEN (NEW.operation = 'login' AND NEW.status = 200)
    EXECUTE FUNCTION security_login_country();
