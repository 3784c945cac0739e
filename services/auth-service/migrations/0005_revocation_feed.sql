-- Who asks for revocations since its last look must miss none, though transactions end in another order than they begin. So each row
-- knows its transaction, and a reader goes on from the oldest one that was under way when it looked.
ALTER TABLE revocations ADD xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX revocations_feed ON revocations (xid, revocation_id);

-- Rows that no token can outlive any more.
ALTER FUNCTION housekeeping() RENAME TO housekeeping_before_revocations;
CREATE FUNCTION housekeeping() RETURNS void LANGUAGE sql AS $$
    SELECT housekeeping_before_revocations();
    DELETE FROM revocations WHERE created_time < now() - interval '2 days';
$$;
