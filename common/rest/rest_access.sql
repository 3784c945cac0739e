-- Who owns what, and who was shown what: what the generic REST layer needs besides rest.sql. Linked as a migration of each service.

-- The department of who wrote something: its path in the tree, from the token of his last request ("1.4.7"; empty: none).
-- `generation` is of that token: an older one that comes late changes nothing. `moved` is the transaction in which it became that:
-- totals that were counted for departments hold until somebody moves.
ALTER TABLE user_ref ADD department text NOT NULL DEFAULT '', ADD generation bigint NOT NULL DEFAULT 0,
    ADD moved xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX user_ref_department ON user_ref (department);
CREATE INDEX user_ref_moved ON user_ref (moved);

CREATE FUNCTION user_ref_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.moved := pg_current_xact_id();
    RETURN NEW;
END $$;
CREATE TRIGGER user_ref_move BEFORE UPDATE ON user_ref
    FOR EACH ROW WHEN (NEW.department <> OLD.department) EXECUTE FUNCTION user_ref_move();

-- Who was shown what in clear, and why. Rows are only ever added.
CREATE TABLE reveals (
    reveal_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id      uuid NOT NULL,
    aggregate    text NOT NULL,
    aggregate_id uuid NOT NULL,
    fields       text[] NOT NULL,
    reason       text NOT NULL,
    created_time timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX reveals_user ON reveals (user_id, created_time);
CREATE INDEX reveals_record ON reveals (aggregate_id, created_time);

-- Records a reveal. CR006: this user has had `most` of them within an hour. One at a time per user, so that none slips through.
CREATE FUNCTION reveal_record(for_user uuid, of_aggregate text, of_id uuid, which jsonb, why text, most integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('reveals' || for_user::text, 0));
    IF (SELECT count(*) FROM reveals r WHERE r.user_id = for_user AND r.created_time > now() - interval '1 hour') >= most THEN
        RAISE EXCEPTION 'too many reveals' USING ERRCODE = 'CR006';
    END IF;
    INSERT INTO reveals (user_id, aggregate, aggregate_id, fields, reason)
    VALUES (for_user, of_aggregate, of_id, ARRAY(SELECT jsonb_array_elements_text(which)), why);
END $$;
