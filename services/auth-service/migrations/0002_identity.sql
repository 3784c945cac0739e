-- Who may log in and what they may do. Roles are data; the permissions that exist are in proto-json-schemas/permissions.json.

CREATE TABLE departments (
    department_id   uuid PRIMARY KEY,
    department_name text NOT NULL,
    parent_id       uuid REFERENCES departments
);

CREATE TABLE roles (
    role_name   text PRIMARY KEY,
    title       text NOT NULL,
    permissions text[] NOT NULL,
    data_scope  text NOT NULL CHECK (data_scope IN ('own', 'department', 'department_and_below', 'all'))
);

CREATE TABLE users (
    user_id       uuid PRIMARY KEY,
    username      text NOT NULL,
    password_hash text NOT NULL,
    name          text NOT NULL,
    email         text,
    department_id uuid REFERENCES departments,
    status        text NOT NULL DEFAULT '启用' CHECK (status IN ('启用', '停用')),
    created_time  timestamptz NOT NULL DEFAULT now(),
    updated_time  timestamptz NOT NULL DEFAULT now(),
    version       integer NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX users_username ON users (lower(username));

CREATE TABLE user_roles (
    user_id   uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    role_name text NOT NULL REFERENCES roles,
    PRIMARY KEY (user_id, role_name)
);

-- One key signs; older ones stay published until the tokens that they signed have expired.
CREATE TABLE signing_keys (
    kid          text PRIMARY KEY,
    private_pem  text NOT NULL,
    public_jwk   text NOT NULL,
    signs        boolean NOT NULL DEFAULT true,
    created_time timestamptz NOT NULL DEFAULT now(),
    retire_time  timestamptz
);
CREATE UNIQUE INDEX signing_keys_one_signs ON signing_keys (signs) WHERE signs;

INSERT INTO roles (role_name, title, data_scope, permissions) VALUES
('ADMIN', '系统管理员', 'all', ARRAY[
    'activity:create', 'activity:delete', 'activity:unmask', 'activity:update', 'activity:view', 'audit:view', 'customer:create',
    'customer:delete', 'customer:unmask', 'customer:update', 'customer:view', 'dictionary:manage', 'opportunity:create',
    'opportunity:delete', 'opportunity:reopen', 'opportunity:unmask', 'opportunity:update', 'opportunity:view', 'order:approve',
    'order:create', 'order:delete', 'order:unmask', 'order:update', 'order:view', 'report:view', 'user:manage']),
('SALES_DIRECTOR', '销售总监', 'all', ARRAY[
    'activity:create', 'activity:update', 'activity:view', 'customer:create', 'customer:delete', 'customer:unmask',
    'customer:update', 'customer:view', 'opportunity:create', 'opportunity:delete', 'opportunity:reopen', 'opportunity:unmask',
    'opportunity:update', 'opportunity:view', 'order:approve', 'order:create', 'order:unmask', 'order:update', 'order:view',
    'report:view']),
('SALES_MANAGER', '销售经理', 'department_and_below', ARRAY[
    'activity:create', 'activity:delete', 'activity:update', 'activity:view', 'customer:create', 'customer:delete',
    'customer:update', 'customer:view', 'opportunity:create', 'opportunity:delete', 'opportunity:reopen', 'opportunity:update',
    'opportunity:view', 'order:approve', 'order:create', 'order:delete', 'order:update', 'order:view', 'report:view']),
('SALES_REP', '销售代表', 'own', ARRAY[
    'activity:create', 'activity:update', 'activity:view', 'customer:create', 'customer:update', 'customer:view',
    'opportunity:create', 'opportunity:update', 'opportunity:view', 'order:create', 'order:update', 'order:view']),
('FINANCE', '财务', 'all', ARRAY['customer:view', 'order:approve', 'order:unmask', 'order:view', 'report:view']),
('AUDITOR', '审计员', 'all', ARRAY['audit:view', 'customer:view', 'opportunity:view', 'order:view', 'report:view']),
('API_CLIENT', '外部系统', 'own', ARRAY[
    'customer:create', 'customer:update', 'customer:view', 'opportunity:create', 'opportunity:view', 'order:create', 'order:view']);
