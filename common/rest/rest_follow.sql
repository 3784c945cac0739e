-- What a service knows of others, from their feeds (common/app/follow.h). Linked as a migration of each service that follows any.

-- How far each feed was read. The events of a page and the cursor behind it are one transaction: each takes effect exactly once.
-- Of all replicas the holder reads, until `held_until`.
CREATE TABLE feed_cursor (
    source     text PRIMARY KEY,
    cursor     text NOT NULL DEFAULT '',
    holder     uuid,
    held_until timestamptz NOT NULL DEFAULT '-infinity',
    applied    bigint NOT NULL DEFAULT 0,
    read_time  timestamptz NOT NULL DEFAULT '-infinity'
);

-- The cursor to read on from; no row: another replica reads.
CREATE FUNCTION feed_claim(of_source text, for_holder uuid, for_ms integer) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO feed_cursor (source) VALUES (of_source) ON CONFLICT DO NOTHING;
    RETURN QUERY UPDATE feed_cursor c SET holder = for_holder, held_until = clock_timestamp() + for_ms * interval '1 ms'
    WHERE c.source = of_source AND (c.holder = for_holder OR c.held_until < clock_timestamp()) RETURNING c.cursor;
END $$;

-- Applies a page that was read from `at`: each event by the function <source>_event. The cursor behind it. CR007: the claim was lost.
CREATE FUNCTION feed_apply(of_source text, for_holder uuid, for_ms integer, at text, page jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    effect text := format('SELECT %I($1)', replace(of_source, '-service', '') || '_event');
    events jsonb := page -> 'data' -> 'events';
    behind text := page -> 'data' ->> 'next';
    event  jsonb;
BEGIN
    IF jsonb_typeof(events) IS DISTINCT FROM 'array' OR behind IS NULL THEN
        RAISE EXCEPTION 'not a page of events' USING ERRCODE = 'CR008';
    END IF;
    UPDATE feed_cursor c SET cursor = behind, held_until = clock_timestamp() + for_ms * interval '1 ms',
        applied = applied + jsonb_array_length(events), read_time = clock_timestamp()
    WHERE c.source = of_source AND c.holder = for_holder AND c.cursor = at;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'claim lost' USING ERRCODE = 'CR007';
    END IF;
    FOR event IN SELECT * FROM jsonb_array_elements(events) LOOP
        EXECUTE effect USING event;
    END LOOP;
    RETURN behind;
END $$;

-- --- users and departments, from auth-service -----------------------------------------------------------------------------

CREATE TABLE department_ref (
    department_id uuid PRIMARY KEY,
    path          text NOT NULL,
    version       integer NOT NULL
);
-- Who is disabled or deleted keeps a name here, and is nobody to refer to any more.
ALTER TABLE user_ref ADD department_id uuid, ADD version integer NOT NULL DEFAULT 0, ADD COLUMN IF NOT EXISTS deleted_time timestamptz;
CREATE INDEX user_ref_department_id ON user_ref (department_id);

-- Events of one record come in their order, but a record as it is now may come before events that led to it.
CREATE FUNCTION auth_event(event jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    data jsonb := event -> 'data';
BEGIN
    IF event ->> 'aggregate' = 'department' THEN
        INSERT INTO department_ref AS d (department_id, path, version)
        VALUES ((event ->> 'aggregate_id')::uuid, data ->> 'path', (event ->> 'version')::integer)
        ON CONFLICT (department_id) DO UPDATE SET path = excluded.path, version = excluded.version
        WHERE d.version <= excluded.version;
        UPDATE user_ref u SET department = d.path FROM department_ref d
        WHERE d.department_id = (event ->> 'aggregate_id')::uuid AND u.department_id = d.department_id AND u.department <> d.path;
    ELSIF event ->> 'aggregate' = 'user' THEN
        INSERT INTO user_ref AS u (user_id, name, department_id, department, generation, deleted_time, version)
        SELECT (event ->> 'aggregate_id')::uuid, data ->> 'name', (data ->> 'department_id')::uuid,
               coalesce((SELECT d.path FROM department_ref d WHERE d.department_id = (data ->> 'department_id')::uuid), ''),
               (data ->> 'generation')::bigint,
               CASE WHEN data ->> 'status' = '启用' THEN (data ->> 'deleted_time')::timestamptz ELSE (data ->> 'updated_time')::timestamptz END,
               (event ->> 'version')::integer
        ON CONFLICT (user_id) DO UPDATE SET name = excluded.name, department_id = excluded.department_id, department = excluded.department,
            generation = greatest(u.generation, excluded.generation), deleted_time = excluded.deleted_time,
            version = excluded.version
        WHERE u.version <= excluded.version;
    END IF;
END $$;
