-- As in 0004_sessions.sql, but by the time of day: a transaction that waited for the first key to be made began before that key signs, and
-- made another.
CREATE OR REPLACE VIEW signing_key AS
SELECT * FROM signing_keys WHERE activate_time <= clock_timestamp() AND (retire_time IS NULL OR retire_time > clock_timestamp())
ORDER BY activate_time DESC, kid LIMIT 1;
