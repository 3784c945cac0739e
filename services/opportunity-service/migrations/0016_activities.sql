-- Activities: what was done, or is to be done, for a customer, an opportunity or a lead. Column names are the property names of
-- proto-json-schemas.

-- What an activity may be about, and whose that is.
CREATE VIEW related_ref AS
    SELECT '客户' AS related_type, customer_id AS related_id, customer_name AS related_name, created_by AS owner, deleted_time FROM customer_ref
    UNION ALL
    SELECT '机会', opportunity_id, opportunity_name, assigned_to, deleted_time FROM opportunities
    UNION ALL
    SELECT '线索', lead_id, lead_name, assigned_to, deleted_time FROM leads;

CREATE TABLE activities (
    activity_id    uuid PRIMARY KEY,
    activity_name  text NOT NULL,
    activity_type  text NOT NULL,
    related_type   text,
    related_id     uuid,
    start_time     timestamptz NOT NULL,
    end_time       timestamptz,
    reminder_time  timestamptz,
    assigned_to    uuid,
    status         text NOT NULL,
    priority       text NOT NULL,
    location       text,
    summary        text,
    completed_time timestamptz,
    cancel_reason  text,
    created_by     uuid,
    created_time   timestamptz NOT NULL DEFAULT now(),
    updated_by     uuid,
    updated_time   timestamptz NOT NULL DEFAULT now(),
    description    text,
    version        integer NOT NULL DEFAULT 1,
    deleted_time   timestamptz,
    pinyin         text NOT NULL DEFAULT '',
    search_text    text GENERATED ALWAYS AS (lower(activity_name || E'\n' || pinyin)) STORED,
    CHECK ((status = '已完成') = (completed_time IS NOT NULL)),
    CHECK ((status = '已取消') = (cancel_reason IS NOT NULL))
);

-- --- what the present decides: functions of the row, which the planner takes apart, so that the indexes below serve them -----

CREATE FUNCTION activity_is_open(a activities) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT a.status IN ('计划中', '进行中')
$$;
CREATE FUNCTION activity_is_overdue(a activities) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT a.status IN ('计划中', '进行中') AND coalesce(a.end_time, a.start_time) < now()
$$;
CREATE FUNCTION activity_is_to_remind(a activities) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT a.status IN ('计划中', '进行中') AND a.reminder_time <= now()
$$;
CREATE FUNCTION activity_overlaps(a activities, since timestamptz, until timestamptz) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT a.start_time < until AND coalesce(a.end_time, a.start_time) >= since
$$;

-- A list is "one filter, newest first": the index gives the page as a range and the total without touching the table.
CREATE INDEX activities_start ON activities (start_time DESC, activity_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX activities_end ON activities (coalesce(end_time, start_time)) WHERE deleted_time IS NULL;
CREATE INDEX activities_due ON activities (coalesce(end_time, start_time))
    WHERE deleted_time IS NULL AND status IN ('计划中', '进行中');
CREATE INDEX activities_reminder ON activities (reminder_time) WHERE deleted_time IS NULL AND status IN ('计划中', '进行中');
CREATE INDEX activities_created ON activities (created_time DESC, activity_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX activities_updated ON activities (updated_time DESC, activity_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX activities_name ON activities (activity_name, activity_id) WHERE deleted_time IS NULL;
CREATE INDEX activities_type ON activities (activity_type, start_time DESC, activity_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX activities_related_type ON activities (related_type, start_time DESC, activity_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX activities_related ON activities (related_id, start_time DESC, activity_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX activities_owner ON activities (assigned_to, start_time DESC, activity_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX activities_status ON activities (status, start_time DESC, activity_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX activities_priority ON activities (priority, start_time DESC, activity_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX activities_search ON activities USING gin (search_text public.gin_trgm_ops) WHERE deleted_time IS NULL;
CREATE INDEX activities_grams ON activities USING gin (search_grams(search_text)) WHERE deleted_time IS NULL;
-- A keyword that many have is counted by looking through all texts, which here lie closer together than in the table.
CREATE INDEX activities_texts ON activities (activity_id) INCLUDE (search_text) WHERE deleted_time IS NULL;

-- --- rules ---------------------------------------------------------------------------------------------------------------

-- What is wrong with an activity as it is to be. That the related record is there and in reach has been checked as a reference; here,
-- that it is of the type that is named.
CREATE FUNCTION activity_faults(a activities, is_new boolean, relates boolean) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'end_time', CASE WHEN a.end_time < a.start_time THEN '{"reason": "is before start_time"}'::jsonb END,
        'related_id', CASE
            WHEN (a.related_id IS NULL) <> (a.related_type IS NULL) THEN '{"reason": "and related_type need each other"}'::jsonb
            WHEN relates AND a.related_id IS NOT NULL AND NOT EXISTS (
                SELECT FROM related_ref r WHERE r.related_id = a.related_id AND r.related_type = a.related_type) THEN '"missing"'::jsonb END,
        'status', CASE WHEN is_new AND a.status = '已取消' THEN
            '{"reason": "of a new activity is another", "allowed": ["计划中", "进行中", "已完成"]}'::jsonb END))
$$;

-- What an update may not do because of what the activity is: ends come by procedures alone, and of one that has ended only notes change.
CREATE FUNCTION activity_forbidden(old activities, new activities) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    reasons jsonb := '{}';
    field   text;
BEGIN
    IF new.status <> old.status AND NOT (activity_is_open(old) AND activity_is_open(new)) THEN
        reasons := jsonb_build_object('status', jsonb_build_object(
            'reason', CASE WHEN activity_is_open(old) THEN 'changes by POST /api/v1/activities/{activity_id}/complete and /cancel'
                           ELSE 'the activity has ended' END,
            'allowed', CASE WHEN activity_is_open(old) THEN '["计划中", "进行中"]' ELSE jsonb_build_array(old.status) END));
    END IF;
    FOREACH field IN ARRAY '{activity_name,activity_type,related_type,related_id,start_time,end_time,assigned_to}'::text[] LOOP
        IF NOT activity_is_open(old) AND to_jsonb(new) -> field <> to_jsonb(old) -> field THEN
            reasons := reasons || jsonb_build_object(field, 'the activity has ended');
        END IF;
    END LOOP;
    RETURN reasons;
END $$;

CREATE FUNCTION activity_before_write() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    is_new  boolean := TG_OP = 'INSERT';
    relates boolean := is_new OR (NEW.related_type, NEW.related_id) IS DISTINCT FROM (OLD.related_type, OLD.related_id);
BEGIN
    NEW.assigned_to := coalesce(NEW.assigned_to, NEW.created_by);
    NEW.status := coalesce(NEW.status, '计划中');
    NEW.priority := coalesce(NEW.priority, '中');
    IF is_new AND NEW.status = '已完成' THEN
        NEW.completed_time := now();
    ELSIF NOT is_new AND (NEW.completed_time, NEW.cancel_reason) IS NOT DISTINCT FROM (OLD.completed_time, OLD.cancel_reason) THEN
        PERFORM conflict(activity_forbidden(OLD, NEW));
    END IF;
    PERFORM refuse(activity_faults(NEW, is_new, relates));
    RETURN NEW;
END $$;
CREATE TRIGGER activities_before BEFORE INSERT OR UPDATE ON activities FOR EACH ROW EXECUTE FUNCTION activity_before_write();

-- Somebody was spoken with. No change of the opportunity or the lead: its version stays, and its tag changes with what it shows. A
-- customer's is customer-service's to keep, which hears of it by its event.
CREATE FUNCTION activity_contact() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    contact timestamptz := least(coalesce(NEW.end_time, NEW.start_time), NEW.completed_time);
BEGIN
    IF NEW.related_type = '机会' THEN
        UPDATE opportunities o SET last_contact_time = contact
        WHERE o.opportunity_id = NEW.related_id AND (o.last_contact_time < contact) IS NOT FALSE;
    ELSIF NEW.related_type = '线索' THEN
        UPDATE leads l SET last_contact_time = contact
        WHERE l.lead_id = NEW.related_id AND (l.last_contact_time < contact) IS NOT FALSE;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER activities_contact AFTER INSERT OR UPDATE OF status ON activities
    FOR EACH ROW WHEN (NEW.status = '已完成') EXECUTE FUNCTION activity_contact();

-- --- procedures ----------------------------------------------------------------------------------------------------------

CREATE FUNCTION activity_refuse_ended(was activities) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT activity_is_open(was) THEN
        PERFORM conflict(jsonb_build_object('status', jsonb_build_object('reason', 'the activity has ended', 'allowed',
                                                                         jsonb_build_array(was.status))));
    END IF;
END $$;

-- POST /activities/{id}/complete
CREATE FUNCTION activity_complete(was activities, by_user uuid, body jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM activity_refuse_ended(was);
    UPDATE activities a SET status = '已完成', completed_time = now(), summary = coalesce(body ->> 'summary', a.summary),
                            end_time = coalesce((body ->> 'end_time')::timestamptz, a.end_time),
                            version = a.version + 1, updated_by = by_user, updated_time = now()
    WHERE a.activity_id = was.activity_id;
END $$;

-- POST /activities/{id}/cancel
CREATE FUNCTION activity_cancel(was activities, by_user uuid, body jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM activity_refuse_ended(was);
    UPDATE activities a SET status = '已取消', cancel_reason = body ->> 'reason',
                            version = a.version + 1, updated_by = by_user, updated_time = now()
    WHERE a.activity_id = was.activity_id;
END $$;

CREATE TRIGGER activities_event AFTER INSERT OR UPDATE ON activities
    FOR EACH ROW EXECUTE FUNCTION record_event('activity', 'activity_id');
