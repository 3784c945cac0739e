-- Who asks for revocations since its last look must miss none, though transactions end in another order than they begin. So each row
-- knows its transaction, and a reader goes on from the oldest one that was under way when it looked.
ALTER TABLE revocations ADD xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX revocations_feed ON revocations (xid, revocation_id);
