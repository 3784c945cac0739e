-- What lists are filtered and sorted by, and had no index.
CREATE INDEX leads_product ON leads (product_type, created_time DESC, lead_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX opportunities_product ON opportunities (product_type, created_time DESC, opportunity_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX opportunities_probability ON opportunities (win_probability DESC, opportunity_id DESC) WHERE deleted_time IS NULL;

-- A calendar began at the oldest activity and passed over all that had ended. None that reaches into a time began earlier than the longest
-- takes, which an index tells: in seconds, as days have other lengths where clocks are changed. The end is in the index that tells the
-- beginning, so that the total of a month is counted there.
CREATE INDEX activities_length ON activities ((coalesce(end_time, start_time) - start_time)) WHERE deleted_time IS NULL;
CREATE FUNCTION activity_longest() RETURNS interval LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN make_interval(secs => coalesce(extract(epoch FROM (
        SELECT max(coalesce(a.end_time, a.start_time) - a.start_time) FROM activities a WHERE a.deleted_time IS NULL)), 0));
END $$;
CREATE OR REPLACE FUNCTION activity_overlaps(a activities, since timestamptz, until timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT a.start_time < until AND a.start_time >= since - activity_longest() AND coalesce(a.end_time, a.start_time) >= since
$$;
DROP INDEX activities_start, activities_end;
CREATE INDEX activities_start ON activities (start_time DESC, activity_id DESC) INCLUDE (end_time) WHERE deleted_time IS NULL;

-- What is overdue has begun. The index is of what is open, so that what is planned for later is not passed over.
CREATE OR REPLACE FUNCTION activity_is_overdue(a activities) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT a.status IN ('计划中', '进行中') AND a.start_time < now() AND coalesce(a.end_time, a.start_time) < now()
$$;
DROP INDEX activities_due;
CREATE INDEX activities_open ON activities (start_time DESC, activity_id DESC) INCLUDE (end_time, reminder_time)
    WHERE deleted_time IS NULL AND status IN ('计划中', '进行中');

-- Whose reminder has come begins no later than the longest time ahead that there is a reminder of.
CREATE INDEX activities_ahead ON activities ((start_time - reminder_time)) WHERE deleted_time IS NULL AND status IN ('计划中', '进行中');
CREATE FUNCTION activity_longest_ahead() RETURNS interval LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN make_interval(secs => coalesce(extract(epoch FROM (
        SELECT max(a.start_time - a.reminder_time) FROM activities a WHERE a.deleted_time IS NULL AND a.status IN ('计划中', '进行中'))), 0));
END $$;
CREATE OR REPLACE FUNCTION activity_is_to_remind(a activities) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT a.status IN ('计划中', '进行中') AND a.start_time <= now() + activity_longest_ahead() AND a.reminder_time <= now()
$$;
DROP INDEX activities_reminder;
CREATE INDEX activities_reminder ON activities (assigned_to, reminder_time) WHERE deleted_time IS NULL AND status IN ('计划中', '进行中');
