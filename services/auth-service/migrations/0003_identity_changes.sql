-- What a token says of its user, and when that is over. Whatever changes it - a role, a department, a password, a status, and by
-- whatever way - ends the tokens that say otherwise: each user has a generation, each token is of one, and revocations tell
-- gateways and services which are over.

ALTER TABLE users ADD generation integer NOT NULL DEFAULT 1, ADD roles jsonb NOT NULL DEFAULT '[]';
UPDATE users u SET roles = (SELECT coalesce(jsonb_agg(g.role_name ORDER BY g.role_name), '[]') FROM user_roles g WHERE g.user_id = u.user_id);
DROP TABLE user_roles;

-- 'path' is where a department stands in the tree: the numbers from the root down to itself, "1.4.7".
ALTER TABLE departments ADD number integer GENERATED ALWAYS AS IDENTITY UNIQUE, ADD path text NOT NULL DEFAULT '';

CREATE FUNCTION department_path() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.path := coalesce((SELECT p.path || '.' FROM departments p WHERE p.department_id = NEW.parent_id), '') || NEW.number;
    RETURN NEW;
END $$;
CREATE TRIGGER department_path BEFORE INSERT OR UPDATE OF parent_id ON departments FOR EACH ROW EXECUTE FUNCTION department_path();

CREATE FUNCTION department_subtree() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE departments SET path = NEW.path || substr(path, length(OLD.path) + 1) WHERE starts_with(path, OLD.path || '.');
    UPDATE users u SET generation = generation + 1 FROM departments d
    WHERE u.department_id = d.department_id AND (d.path = NEW.path OR starts_with(d.path, NEW.path || '.'));
    RETURN NULL;
END $$;
CREATE TRIGGER department_subtree AFTER UPDATE OF parent_id ON departments
    FOR EACH ROW WHEN (OLD.path IS DISTINCT FROM NEW.path) EXECUTE FUNCTION department_subtree();

UPDATE departments SET path = number::text; -- none was ever made before this

-- One row per end: of a session, or of all tokens of a user that are of an older generation. Readers ask for those since the last
-- one that they know and some seconds before, as transactions end out of order; taking one in twice changes nothing.
CREATE TABLE revocations (
    revocation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id    uuid,
    user_id       uuid,
    generation    integer,
    created_time  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (num_nonnulls(session_id, user_id) = 1 AND num_nonnulls(user_id, generation) <> 1)
);
CREATE INDEX revocations_age ON revocations (created_time);

CREATE FUNCTION announce_revocation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('revocations', '');
    RETURN NULL;
END $$;
CREATE TRIGGER revocations_announced AFTER INSERT ON revocations FOR EACH STATEMENT EXECUTE FUNCTION announce_revocation();

CREATE FUNCTION user_roles_exist() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM jsonb_array_elements_text(NEW.roles) AS n WHERE n NOT IN (SELECT role_name FROM roles)) THEN
        RAISE EXCEPTION 'no such role' USING ERRCODE = '23503', CONSTRAINT = 'users_roles';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER user_roles_exist BEFORE INSERT OR UPDATE OF roles ON users FOR EACH ROW EXECUTE FUNCTION user_roles_exist();

CREATE FUNCTION user_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.generation = OLD.generation AND
       (NEW.username, NEW.name, NEW.password_hash, NEW.department_id, NEW.status, NEW.roles)
       IS DISTINCT FROM (OLD.username, OLD.name, OLD.password_hash, OLD.department_id, OLD.status, OLD.roles) THEN
        NEW.generation := OLD.generation + 1;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER user_changes BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION user_changes();

CREATE FUNCTION user_revokes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO revocations (user_id, generation) VALUES (NEW.user_id, NEW.generation);
    RETURN NULL;
END $$;
CREATE TRIGGER user_revokes AFTER UPDATE ON users
    FOR EACH ROW WHEN (NEW.generation <> OLD.generation) EXECUTE FUNCTION user_revokes();

CREATE FUNCTION role_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE users SET generation = generation + 1 WHERE roles ? NEW.role_name;
    RETURN NULL;
END $$;
CREATE TRIGGER role_changes AFTER UPDATE ON roles FOR EACH ROW
    WHEN ((OLD.permissions, OLD.data_scope) IS DISTINCT FROM (NEW.permissions, NEW.data_scope)) EXECUTE FUNCTION role_changes();

-- A user as a token describes one. Of several roles' scopes the widest counts.
CREATE VIEW identities AS
SELECT u.user_id, u.username, u.name, u.password_hash, u.status = '启用' AS enabled,
       to_json(array(SELECT jsonb_array_elements_text(u.roles))) AS roles,
       to_json(array(SELECT DISTINCT p FROM roles r, unnest(r.permissions) AS p WHERE u.roles ? r.role_name ORDER BY p)) AS permissions,
       coalesce((SELECT r.data_scope FROM roles r WHERE u.roles ? r.role_name
                 ORDER BY array_position(ARRAY['all', 'department_and_below', 'department', 'own'], r.data_scope) LIMIT 1), 'own') AS data_scope,
       d.path AS department, u.generation
FROM users u LEFT JOIN departments d USING (department_id);
