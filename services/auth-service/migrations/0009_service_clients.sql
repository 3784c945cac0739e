-- Programs that ask for tokens of their own (client credentials, RFC 6749 section 4.4): made by the command create-client. 'audiences' are
-- the services that a client may get tokens for, or 'crm' for all of them and the gateway. Only the hash of a secret is kept; as that is
-- 256 random bits, a plain SHA-256 is enough.
CREATE TABLE clients (
    client_id    uuid PRIMARY KEY,
    client_name  text NOT NULL,
    secret_hash  text NOT NULL,
    permissions  text[] NOT NULL,
    audiences    text[] NOT NULL,
    data_scope   text NOT NULL DEFAULT 'all' CHECK (data_scope IN ('own', 'department', 'department_and_below', 'all')),
    enabled      boolean NOT NULL DEFAULT true,
    generation   integer NOT NULL DEFAULT 1,
    created_time timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX clients_client_name ON clients (lower(client_name));

-- As with users: a change ends the tokens of before.
CREATE FUNCTION client_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO revocations (user_id, generation) VALUES (OLD.client_id, OLD.generation + 1);
        RETURN OLD;
    END IF;
    NEW.generation := greatest(NEW.generation, OLD.generation + 1);
    INSERT INTO revocations (user_id, generation) VALUES (NEW.client_id, NEW.generation);
    RETURN NEW;
END $$;
CREATE TRIGGER client_changes BEFORE UPDATE OR DELETE ON clients FOR EACH ROW EXECUTE FUNCTION client_changes();
