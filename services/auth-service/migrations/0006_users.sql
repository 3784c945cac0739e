-- Users, departments and roles as resources: what the generic REST layer needs of them, and what their administration must never do.

ALTER TABLE departments
    ADD sort_order integer NOT NULL DEFAULT 0,
    ADD description text,
    ADD created_by uuid,
    ADD created_time timestamptz NOT NULL DEFAULT now(),
    ADD updated_by uuid,
    ADD updated_time timestamptz NOT NULL DEFAULT now(),
    ADD version integer NOT NULL DEFAULT 1,
    ADD deleted_time timestamptz,
    ADD pinyin text NOT NULL DEFAULT '',
    ADD search_text text GENERATED ALWAYS AS (lower(department_name || E'\n' || pinyin)) STORED;
CREATE INDEX departments_parent ON departments (parent_id) WHERE deleted_time IS NULL;

ALTER TABLE roles
    DROP CONSTRAINT roles_pkey,
    ADD role_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    ADD description text,
    ADD created_by uuid,
    ADD created_time timestamptz NOT NULL DEFAULT now(),
    ADD updated_by uuid,
    ADD updated_time timestamptz NOT NULL DEFAULT now(),
    ADD version integer NOT NULL DEFAULT 1,
    ADD deleted_time timestamptz,
    ADD pinyin text NOT NULL DEFAULT '',
    ADD search_text text GENERATED ALWAYS AS (lower(title || E'\n' || role_name || E'\n' || pinyin)) STORED;
CREATE UNIQUE INDEX roles_role_name ON roles (role_name) WHERE deleted_time IS NULL;

-- Fixed ids, so that imports can name them; pinyin as the application writes it.
UPDATE roles r SET role_id = s.id::uuid, pinyin = s.pinyin FROM (VALUES
    ('ADMIN', '018f3c5e-7a10-7000-8000-000300000001', 'xitongguanliyuan xtgly'),
    ('SALES_DIRECTOR', '018f3c5e-7a10-7000-8000-000300000002', 'xiaoshouzongjian xszj'),
    ('SALES_MANAGER', '018f3c5e-7a10-7000-8000-000300000003', 'xiaoshoujingli xsjl'),
    ('SALES_REP', '018f3c5e-7a10-7000-8000-000300000004', 'xiaoshoudaibiao xsdb'),
    ('FINANCE', '018f3c5e-7a10-7000-8000-000300000005', 'caiwu cw'),
    ('AUDITOR', '018f3c5e-7a10-7000-8000-000300000006', 'shenjiyuan sjy'),
    ('API_CLIENT', '018f3c5e-7a10-7000-8000-000300000007', 'waibuxitong wbxt')) AS s (role_name, id, pinyin)
WHERE r.role_name = s.role_name;

ALTER TABLE users
    ADD phone text,
    ADD description text,
    ADD created_by uuid,
    ADD updated_by uuid,
    ADD deleted_time timestamptz,
    ADD pinyin text NOT NULL DEFAULT '',
    ADD search_text text GENERATED ALWAYS AS (lower(name || E'\n' || username || E'\n' || pinyin)) STORED,
    ADD IF NOT EXISTS must_change_password boolean NOT NULL DEFAULT false;
DROP INDEX users_username;
CREATE UNIQUE INDEX users_username ON users (lower(username)) WHERE deleted_time IS NULL;
CREATE INDEX users_created ON users (created_time DESC, user_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX users_department ON users (department_id, created_time DESC, user_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX users_roles ON users USING gin (roles);
CREATE INDEX users_search ON users USING gin (search_text public.gin_trgm_ops) WHERE deleted_time IS NULL;
CREATE INDEX users_grams ON users USING gin (search_grams(search_text)) WHERE deleted_time IS NULL;

-- Identities as they are, but of live users and roles only: a deleted one may share its name with a live one.
DO $$
DECLARE
    live text := replace(rtrim(pg_get_viewdef('identities'::regclass), ';'), 'FROM roles r', 'FROM (SELECT * FROM roles WHERE deleted_time IS NULL) r');
BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW identities AS ' || live || ' WHERE u.deleted_time IS NULL';
END $$;

-- --- one at a time ------------------------------------------------------------------------------------------------------
-- The rules below look at other rows: is there another manager, does a user hold this role. So those who change what they look at
-- go one after the other: the lock comes before any row is locked, and what is looked up after it sees the one before.

CREATE FUNCTION administration_lock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('administration'));
    RETURN NULL;
END $$;
CREATE TRIGGER users_lock BEFORE INSERT OR UPDATE OF username, status, roles, department_id, deleted_time ON users
    FOR EACH STATEMENT EXECUTE FUNCTION administration_lock();
CREATE TRIGGER roles_lock BEFORE INSERT OR UPDATE OF role_name, permissions, deleted_time ON roles
    FOR EACH STATEMENT EXECUTE FUNCTION administration_lock();
CREATE TRIGGER departments_lock BEFORE INSERT OR UPDATE OF parent_id, deleted_time ON departments
    FOR EACH STATEMENT EXECUTE FUNCTION administration_lock();

-- --- users --------------------------------------------------------------------------------------------------------------

-- Roles must exist, also when a user comes back. A deleted user keeps the names of roles that are gone by now.
CREATE OR REPLACE FUNCTION user_roles_exist() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.deleted_time IS NULL AND EXISTS (SELECT FROM jsonb_array_elements_text(NEW.roles) AS n
                                            WHERE n NOT IN (SELECT role_name FROM roles WHERE deleted_time IS NULL)) THEN
        RAISE EXCEPTION 'no such role' USING ERRCODE = '23503', CONSTRAINT = 'users_roles';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER user_roles_exist ON users;
CREATE TRIGGER user_roles_exist BEFORE INSERT OR UPDATE OF roles, deleted_time ON users FOR EACH ROW EXECUTE FUNCTION user_roles_exist();

-- The generic layer asks these before it writes, but without the lock, and for a username as it is spelled.
CREATE FUNCTION user_before_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.roles := coalesce(NEW.roles, '[]');
    IF NEW.deleted_time IS NULL THEN
        PERFORM refuse(jsonb_strip_nulls(jsonb_build_object(
            'username', (SELECT u.user_id FROM users u WHERE lower(u.username) = lower(NEW.username) AND u.deleted_time IS NULL
                         AND u.user_id <> NEW.user_id),
            'department_id', (SELECT 'missing' FROM departments d WHERE d.department_id = NEW.department_id AND d.deleted_time IS NOT NULL))));
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER user_before_write BEFORE INSERT OR UPDATE OF username, roles, department_id, deleted_time ON users
    FOR EACH ROW EXECUTE FUNCTION user_before_write();

-- Coming and going ends tokens too (user_changes does so for all else).
CREATE FUNCTION user_comes_or_goes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.generation := OLD.generation + 1;
    RETURN NEW;
END $$;
CREATE TRIGGER user_comes_or_goes BEFORE UPDATE OF deleted_time ON users
    FOR EACH ROW WHEN (OLD.deleted_time IS DISTINCT FROM NEW.deleted_time) EXECUTE FUNCTION user_comes_or_goes();

-- Nobody locks himself out. A write through the API makes a new version; what an operator does by hand need not.
CREATE FUNCTION user_keeps_himself() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM conflict(jsonb_build_object(
        'user_id', CASE WHEN NEW.deleted_time IS NOT NULL THEN 'you cannot delete yourself' END,
        'status', CASE WHEN NEW.status <> '启用' THEN 'you cannot disable yourself' END));
    RETURN NEW;
END $$;
CREATE TRIGGER user_keeps_himself BEFORE UPDATE OF status, deleted_time ON users
    FOR EACH ROW WHEN (NEW.updated_by = NEW.user_id AND NEW.version > OLD.version
                       AND (OLD.status, OLD.deleted_time) IS DISTINCT FROM (NEW.status, NEW.deleted_time))
    EXECUTE FUNCTION user_keeps_himself();

CREATE FUNCTION someone_manages() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM users u, roles r
                   WHERE u.status = '启用' AND u.deleted_time IS NULL AND r.deleted_time IS NULL AND u.roles ? r.role_name
                   AND 'user:manage' = ANY (r.permissions))
$$;

-- The last one who may manage users stays: without one, nobody could ever make another. The argument names the field at fault.
CREATE FUNCTION keep_a_manager() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT someone_manages() THEN
        PERFORM conflict(jsonb_build_object(TG_ARGV[0], 'nobody would be left who may manage users'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER users_keep_a_manager AFTER UPDATE OF status, roles, deleted_time ON users
    FOR EACH ROW WHEN ((OLD.status, OLD.roles, OLD.deleted_time) IS DISTINCT FROM (NEW.status, NEW.roles, NEW.deleted_time))
    EXECUTE FUNCTION keep_a_manager('roles');
CREATE TRIGGER roles_keep_a_manager AFTER UPDATE OF role_name, permissions, deleted_time ON roles
    FOR EACH ROW WHEN ('user:manage' = ANY (OLD.permissions) AND (NEW.deleted_time IS NOT NULL OR NEW.role_name <> OLD.role_name
                       OR 'user:manage' <> ALL (NEW.permissions)))
    EXECUTE FUNCTION keep_a_manager('permissions');

-- --- departments --------------------------------------------------------------------------------------------------------

CREATE FUNCTION department_before_write() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    children bigint;
    members  bigint;
BEGIN
    IF NEW.deleted_time IS NULL THEN
        PERFORM refuse(jsonb_strip_nulls(jsonb_build_object('parent_id',
            (SELECT 'missing' FROM departments d WHERE d.department_id = NEW.parent_id AND d.deleted_time IS NOT NULL))));
    ELSE
        SELECT count(*) INTO children FROM departments d WHERE d.parent_id = NEW.department_id AND d.deleted_time IS NULL;
        SELECT count(*) INTO members FROM users u WHERE u.department_id = NEW.department_id AND u.deleted_time IS NULL;
        PERFORM conflict(jsonb_build_object('departments', CASE WHEN children > 0 THEN children || ' are below it' END,
                                            'users', CASE WHEN members > 0 THEN members || ' are in it' END));
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER department_before_write BEFORE INSERT OR UPDATE OF parent_id, deleted_time ON departments
    FOR EACH ROW EXECUTE FUNCTION department_before_write();
CREATE TRIGGER departments_tree BEFORE UPDATE ON departments FOR EACH ROW
    WHEN (NEW.parent_id IS DISTINCT FROM OLD.parent_id) EXECUTE FUNCTION refuse_cycle('department_id', 'parent_id');

-- --- roles --------------------------------------------------------------------------------------------------------------

CREATE FUNCTION role_before_delete() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    holders bigint := (SELECT count(*) FROM users u WHERE u.roles ? NEW.role_name AND u.deleted_time IS NULL);
BEGIN
    PERFORM conflict(jsonb_build_object('users', CASE WHEN holders > 0 THEN holders || ' have it' END));
    RETURN NEW;
END $$;
CREATE TRIGGER role_before_delete BEFORE UPDATE OF deleted_time ON roles
    FOR EACH ROW WHEN (OLD.deleted_time IS NULL AND NEW.deleted_time IS NOT NULL) EXECUTE FUNCTION role_before_delete();

-- A role's new name goes to those who hold it. Its own name sorts before roles_keep_a_manager, which must see them.
CREATE FUNCTION role_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE users u SET version = version + 1, updated_by = NEW.updated_by, updated_time = NEW.updated_time, roles =
        (SELECT jsonb_agg(CASE n WHEN OLD.role_name THEN NEW.role_name ELSE n END ORDER BY i)
         FROM jsonb_array_elements_text(u.roles) WITH ORDINALITY AS e (n, i))
    WHERE u.roles ? OLD.role_name AND u.deleted_time IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER role_renamed AFTER UPDATE OF role_name ON roles
    FOR EACH ROW WHEN (OLD.role_name <> NEW.role_name) EXECUTE FUNCTION role_renamed();

-- --- events -------------------------------------------------------------------------------------------------------------

-- A new generation alone is no event: a role's change gives one to everybody who holds it.
CREATE TRIGGER users_event_created AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION record_event('user', 'user_id', 'password_hash');
CREATE TRIGGER users_event AFTER UPDATE ON users
    FOR EACH ROW WHEN (to_jsonb(OLD) - 'generation' IS DISTINCT FROM to_jsonb(NEW) - 'generation')
    EXECUTE FUNCTION record_event('user', 'user_id', 'password_hash');
CREATE TRIGGER departments_event AFTER INSERT OR UPDATE ON departments
    FOR EACH ROW EXECUTE FUNCTION record_event('department', 'department_id');
CREATE TRIGGER roles_event AFTER INSERT OR UPDATE ON roles FOR EACH ROW EXECUTE FUNCTION record_event('role', 'role_id');

CREATE TRIGGER departments_announce AFTER UPDATE ON departments
    FOR EACH ROW EXECUTE FUNCTION announce_name('department_id', 'department_name');
