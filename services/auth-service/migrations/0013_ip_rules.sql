-- From which addresses the gateway lets requests in, besides its settings. Column names are the property names of proto-json-schemas.

UPDATE roles SET permissions = array_append(permissions, 'security:manage') WHERE role_name = 'ADMIN';

CREATE TABLE ip_rules (
    rule_id      uuid PRIMARY KEY,
    cidr         text NOT NULL,
    action       text NOT NULL,
    route_class  text NOT NULL DEFAULT 'ALL',
    reason       text NOT NULL,
    expires_time timestamptz,
    created_by   uuid,
    created_time timestamptz NOT NULL DEFAULT now(),
    updated_by   uuid,
    updated_time timestamptz NOT NULL DEFAULT now(),
    version      integer NOT NULL DEFAULT 1,
    deleted_time timestamptz,
    search_text  text GENERATED ALWAYS AS (lower(cidr || E'\n' || reason)) STORED
);
CREATE UNIQUE INDEX ip_rules_cidr ON ip_rules (cidr, route_class) WHERE deleted_time IS NULL;
CREATE INDEX ip_rules_created ON ip_rules (created_time DESC, rule_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX ip_rules_expires ON ip_rules (expires_time);
CREATE INDEX ip_rules_search ON ip_rules USING gin (search_text public.gin_trgm_ops) WHERE deleted_time IS NULL;
CREATE INDEX ip_rules_grams ON ip_rules USING gin (search_grams(search_text)) WHERE deleted_time IS NULL;

-- Counts the changes, so that who has read all is told nothing until the next one.
CREATE TABLE ip_rules_version (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    version bigint NOT NULL DEFAULT 1
);
INSERT INTO ip_rules_version DEFAULT VALUES;

CREATE VIEW ip_rules_in_force AS
    SELECT * FROM ip_rules WHERE deleted_time IS NULL AND (expires_time > now()) IS NOT FALSE;

-- Each prefix is written in one way. An IPv4 address in an IPv6 one is the gateway's to see through, and would be another prefix here.
CREATE FUNCTION ip_rule_before_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.route_class := coalesce(NEW.route_class, 'ALL');
    BEGIN
        NEW.cidr := (NEW.cidr::cidr)::text;
    EXCEPTION WHEN invalid_text_representation OR invalid_parameter_value THEN
        PERFORM refuse('{"cidr": {"reason": "is no address, and no prefix without bits beyond its length"}}');
    END;
    IF NEW.cidr::inet <<= '::ffff:0:0/96'::inet THEN
        PERFORM refuse('{"cidr": {"reason": "is an IPv4 address: write it as one"}}');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ip_rules_before BEFORE INSERT OR UPDATE ON ip_rules FOR EACH ROW EXECUTE FUNCTION ip_rule_before_write();

-- What the rules say of an address: as gateway/address_book.h.
CREATE FUNCTION ip_rules_verdict(of_class text, address inet) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT r.action FROM ip_rules_in_force r WHERE r.route_class = of_class AND address <<= r.cidr::inet
                     ORDER BY masklen(r.cidr::inet) DESC LIMIT 1),
                    (SELECT 'DENY' FROM ip_rules_in_force r WHERE r.route_class = of_class AND r.action = 'ALLOW' LIMIT 1))
$$;

-- Whoever changes the rules must be able to change them back: from where he is, he can log in, read and write.
CREATE FUNCTION ip_rules_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    here inet := nullif(current_setting('crm.address', true), '');
BEGIN
    UPDATE ip_rules_version SET version = version + 1;
    IF here IS NOT NULL AND EXISTS (SELECT FROM unnest('{LOGIN,READ,WRITE}'::text[]) c
                                    WHERE coalesce(ip_rules_verdict(c, here), ip_rules_verdict('ALL', here)) = 'DENY') THEN
        PERFORM refuse(jsonb_build_object('cidr', jsonb_build_object('reason', 'the rules would shut out ' || host(here) || ', where you are')));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ip_rules_changed AFTER INSERT OR UPDATE ON ip_rules FOR EACH STATEMENT EXECUTE FUNCTION ip_rules_changed();

CREATE TRIGGER ip_rules_event AFTER INSERT OR UPDATE ON ip_rules
    FOR EACH ROW EXECUTE FUNCTION record_event('ip_rule', 'rule_id');
