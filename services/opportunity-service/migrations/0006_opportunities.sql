-- Pipelines, stages, opportunities and their way through the stages. Column names are the property names of proto-json-schemas.

-- Version 7 (RFC 9562): random bits behind the time in milliseconds.
CREATE FUNCTION uuid_v7() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING
        substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$$;

-- Whoever is referred to as responsible must not be gone.
ALTER TABLE user_ref ADD deleted_time timestamptz;

-- --- pipelines and stages ------------------------------------------------------------------------------------------------

CREATE TABLE pipelines (
    pipeline_id   uuid PRIMARY KEY,
    pipeline_name text NOT NULL,
    is_default    boolean NOT NULL DEFAULT false,
    description   text,
    sort_order    integer NOT NULL DEFAULT 0,
    created_by    uuid,
    created_time  timestamptz NOT NULL DEFAULT now(),
    updated_by    uuid,
    updated_time  timestamptz NOT NULL DEFAULT now(),
    version       integer NOT NULL DEFAULT 1,
    deleted_time  timestamptz
);
CREATE UNIQUE INDEX pipelines_pipeline_name ON pipelines (pipeline_name) WHERE deleted_time IS NULL;
CREATE UNIQUE INDEX pipelines_is_default ON pipelines (is_default) WHERE is_default;

CREATE TABLE stages (
    stage_id        uuid PRIMARY KEY,
    pipeline_id     uuid NOT NULL REFERENCES pipelines,
    stage_code      text NOT NULL,
    stage_name      text NOT NULL,
    stage_kind      text NOT NULL,
    win_probability integer NOT NULL DEFAULT 0,
    is_active       boolean NOT NULL DEFAULT true,
    description     text,
    sort_order      integer NOT NULL DEFAULT 0,
    created_by      uuid,
    created_time    timestamptz NOT NULL DEFAULT now(),
    updated_by      uuid,
    updated_time    timestamptz NOT NULL DEFAULT now(),
    version         integer NOT NULL DEFAULT 1,
    deleted_time    timestamptz,
    pinyin          text NOT NULL DEFAULT '',
    search_text     text GENERATED ALWAYS AS (lower(stage_name || E'\n' || stage_code || E'\n' || pinyin)) STORED
);
CREATE UNIQUE INDEX stages_stage_code ON stages (stage_code) WHERE deleted_time IS NULL;
CREATE UNIQUE INDEX stages_stage_name ON stages (pipeline_id, stage_name) WHERE deleted_time IS NULL;

-- --- opportunities -------------------------------------------------------------------------------------------------------

-- `moves` counts the stages that an opportunity has been through; only a procedure adds to it, and only with it a stage changes.
-- `customer_text` is what a keyword finds of the customer. `amount_fen` and `weighted_fen` (fen times percent) are whole numbers, which
-- a board adds up three times as fast as decimals.
CREATE TABLE opportunities (
    opportunity_id      uuid PRIMARY KEY,
    opportunity_name    text NOT NULL,
    customer_id         uuid NOT NULL,
    lead_id             uuid,
    product_type        text,
    estimated_amount    numeric(15, 2) NOT NULL DEFAULT 0 CHECK (estimated_amount >= 0),
    expected_close_date date,
    pipeline_id         uuid NOT NULL REFERENCES pipelines,
    sales_stage_id      uuid NOT NULL REFERENCES stages,
    stage_time          timestamptz NOT NULL DEFAULT now(),
    win_probability     integer NOT NULL,
    assigned_to         uuid,
    competitors         json,
    sales_plan          text,
    status              text NOT NULL,
    lost_reason         text,
    lost_note           text,
    closed_time         timestamptz,
    last_contact_time   timestamptz,
    created_by          uuid,
    created_time        timestamptz NOT NULL DEFAULT now(),
    updated_by          uuid,
    updated_time        timestamptz NOT NULL DEFAULT now(),
    description         text,
    version             integer NOT NULL DEFAULT 1,
    deleted_time        timestamptz,
    moves               integer NOT NULL DEFAULT 0,
    pinyin              text NOT NULL DEFAULT '',
    customer_text       text NOT NULL DEFAULT '',
    amount_fen          bigint GENERATED ALWAYS AS ((estimated_amount * 100)::bigint) STORED,
    weighted_fen        bigint GENERATED ALWAYS AS ((estimated_amount * 100)::bigint * win_probability) STORED,
    search_text         text GENERATED ALWAYS AS (lower(opportunity_name || E'\n' || pinyin || E'\n' || customer_text)) STORED
);

-- A list is "one filter, newest first": the index gives the page as a range and the total without touching the table.
CREATE INDEX opportunities_created ON opportunities (created_time DESC, opportunity_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX opportunities_updated ON opportunities (updated_time DESC, opportunity_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX opportunities_name ON opportunities (opportunity_name, opportunity_id) WHERE deleted_time IS NULL;
CREATE INDEX opportunities_amount ON opportunities (estimated_amount DESC, opportunity_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX opportunities_customer ON opportunities (customer_id, created_time DESC, opportunity_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX opportunities_stage ON opportunities (sales_stage_id, created_time DESC, opportunity_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX opportunities_status ON opportunities (status, created_time DESC, opportunity_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX opportunities_owner ON opportunities (assigned_to, created_time DESC, opportunity_id DESC) WHERE deleted_time IS NULL;
CREATE INDEX opportunities_lead ON opportunities (lead_id) WHERE lead_id IS NOT NULL;
CREATE INDEX opportunities_search ON opportunities USING gin (search_text public.gin_trgm_ops) WHERE deleted_time IS NULL;
CREATE INDEX opportunities_grams ON opportunities USING gin (search_grams(search_text)) WHERE deleted_time IS NULL;
-- A board is made from this index alone, whatever it is filtered by. Owners come first: a department is some of them.
CREATE INDEX opportunities_board ON opportunities (pipeline_id, assigned_to, sales_stage_id)
    INCLUDE (customer_id, status, created_time, amount_fen, weighted_fen) WHERE deleted_time IS NULL;
-- A keyword that many have is counted by looking through all texts, which here lie closer together than in the table.
CREATE INDEX opportunities_texts ON opportunities (opportunity_id) INCLUDE (search_text) WHERE deleted_time IS NULL;

-- How an opportunity came to where it is: one row per stage that it entered, the first one without a stage before.
CREATE TABLE stage_history (
    history_id          uuid PRIMARY KEY DEFAULT uuid_v7(),
    opportunity_id      uuid NOT NULL REFERENCES opportunities,
    sequence            integer NOT NULL,
    from_stage_id       uuid REFERENCES stages,
    to_stage_id         uuid NOT NULL REFERENCES stages,
    duration_s          bigint,
    reason              text,
    lost_reason         text,
    lost_note           text,
    previous_amount     numeric(15, 2),
    previous_close_date date,
    created_by          uuid,
    created_time        timestamptz NOT NULL DEFAULT now(),
    updated_by          uuid,
    updated_time        timestamptz NOT NULL DEFAULT now(),
    version             integer NOT NULL DEFAULT 1,
    deleted_time        timestamptz
);
CREATE UNIQUE INDEX stage_history_sequence ON stage_history (opportunity_id, sequence);

-- --- rules of pipelines and stages ---------------------------------------------------------------------------------------

-- One pipeline is the default; another takes its place, or none. The update of the one before comes here too, one level deeper.
CREATE FUNCTION pipeline_before_write() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    stages_in_it bigint;
BEGIN
    IF NEW.is_default AND (TG_OP = 'INSERT' OR NOT OLD.is_default) THEN
        UPDATE pipelines SET is_default = false, version = version + 1, updated_by = NEW.updated_by, updated_time = now()
        WHERE is_default AND pipeline_id <> NEW.pipeline_id;
    ELSIF TG_OP = 'UPDATE' AND pg_trigger_depth() = 1 AND OLD.is_default AND (NOT NEW.is_default OR NEW.deleted_time IS NOT NULL) THEN
        PERFORM conflict('{"is_default": "is the default: make another one the default first"}');
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.deleted_time IS NOT NULL THEN
        SELECT count(*) INTO stages_in_it FROM stages s WHERE s.pipeline_id = NEW.pipeline_id AND s.deleted_time IS NULL;
        PERFORM conflict(jsonb_build_object('stages', 'are in it: ' || nullif(stages_in_it, 0)));
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER pipelines_before BEFORE INSERT OR UPDATE ON pipelines FOR EACH ROW EXECUTE FUNCTION pipeline_before_write();

-- Those who enter a stage hold a share lock on it, so what is counted here stays true until the end of the transaction.
CREATE FUNCTION stage_before_write() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    in_it bigint := 0;
BEGIN
    NEW.pipeline_id := coalesce(NEW.pipeline_id, (SELECT p.pipeline_id FROM pipelines p WHERE p.is_default));
    PERFORM FROM pipelines p WHERE p.pipeline_id = NEW.pipeline_id AND p.deleted_time IS NULL FOR SHARE;
    IF NOT FOUND AND NEW.deleted_time IS NULL THEN
        PERFORM refuse('{"pipeline_id": "missing"}');
    END IF;
    NEW.win_probability := CASE NEW.stage_kind WHEN '赢单' THEN 100 WHEN '进行中' THEN NEW.win_probability ELSE 0 END;
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.stage_kind, NEW.pipeline_id) IS DISTINCT FROM (OLD.stage_kind, OLD.pipeline_id) THEN
            SELECT count(*) INTO in_it FROM opportunities o WHERE o.sales_stage_id = NEW.stage_id;
        ELSIF NEW.deleted_time IS NOT NULL AND OLD.deleted_time IS NULL THEN
            SELECT count(*) INTO in_it FROM opportunities o WHERE o.sales_stage_id = NEW.stage_id AND o.deleted_time IS NULL;
        END IF;
        PERFORM conflict(jsonb_build_object('opportunities', 'are in it: ' || nullif(in_it, 0)));
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER stages_before BEFORE INSERT OR UPDATE ON stages FOR EACH ROW EXECUTE FUNCTION stage_before_write();

-- --- rules of opportunities ----------------------------------------------------------------------------------------------

CREATE FUNCTION opportunity_is_closed(status text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT status IN ('赢单', '输单', '无效')
$$;

-- Where an opportunity may go from where it is, and what must be said then. Passing over one stage is nothing special, passing over
-- more is; open stages alone count.
CREATE FUNCTION opportunity_moves(o opportunities)
RETURNS TABLE (stage_id uuid, stage_name text, stage_kind text, win_probability integer, direction text, needs text[])
LANGUAGE sql STABLE AS $$
    SELECT s.stage_id, s.stage_name, s.stage_kind, s.win_probability, d.direction,
           array_remove(ARRAY[
               CASE WHEN d.direction IN ('back', 'reopen') OR (s.stage_kind IN ('进行中', '赢单') AND passed.stages > 1) THEN 'reason' END,
               CASE WHEN s.stage_kind IN ('输单', '无效') THEN 'lost_reason' END,
               CASE WHEN s.stage_kind = '赢单' AND o.estimated_amount <= 0 THEN 'estimated_amount' END], NULL)
    FROM stages h
    JOIN stages s ON s.pipeline_id = h.pipeline_id AND s.stage_id <> h.stage_id AND s.is_active AND s.deleted_time IS NULL
    CROSS JOIN LATERAL (SELECT CASE WHEN opportunity_is_closed(o.status) THEN 'reopen' WHEN s.stage_kind <> '进行中' THEN 'close'
                                    WHEN (s.sort_order, s.stage_id) > (h.sort_order, h.stage_id) THEN 'forward'
                                    ELSE 'back' END AS direction) d
    CROSS JOIN LATERAL (SELECT count(*) AS stages FROM stages p
                        WHERE p.pipeline_id = h.pipeline_id AND p.stage_kind = '进行中' AND p.is_active AND p.deleted_time IS NULL
                          AND (p.sort_order, p.stage_id) > (h.sort_order, h.stage_id)
                          AND (p.sort_order, p.stage_id) < (s.sort_order, s.stage_id)) passed
    WHERE h.stage_id = o.sales_stage_id
      AND (CASE WHEN d.direction = 'reopen' THEN s.stage_kind = '进行中' ELSE o.status <> '已搁置' OR d.direction = 'close' END)
    ORDER BY s.sort_order, s.stage_id
$$;

-- The names of these moves, as a refusal lists them.
CREATE FUNCTION opportunity_allowed(o opportunities, directions text[]) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(m.stage_name), '[]') FROM opportunity_moves(o) m WHERE m.direction = ANY (directions)
$$;

-- Enters a stage: everything that moves, closes and reopens an opportunity ends here. `was` is the record, locked by who calls.
CREATE FUNCTION opportunity_enter(was opportunities, by_user uuid, stage uuid, directions text[], body jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    move   record;
    entering opportunities := was; -- `was`, with the amount that it closes with
    moment timestamptz := greatest(clock_timestamp(), was.stage_time);
BEGIN
    entering.estimated_amount := coalesce((body ->> 'estimated_amount')::numeric, was.estimated_amount);
    PERFORM FROM stages s WHERE s.stage_id = stage FOR SHARE;
    SELECT m.* INTO move FROM opportunity_moves(entering) m WHERE m.stage_id = stage AND m.direction = ANY (directions);
    IF NOT FOUND THEN
        PERFORM conflict(jsonb_build_object('sales_stage_id', jsonb_build_object(
            'reason', 'cannot be entered from where the opportunity is', 'allowed', opportunity_allowed(was, directions))));
    END IF;
    PERFORM refuse(coalesce((SELECT jsonb_object_agg(n, jsonb_build_object('reason', 'is needed for this move'))
                             FROM unnest(move.needs) n
                             WHERE n = 'estimated_amount' OR coalesce(btrim(body ->> n), '') = ''), '{}'));
    UPDATE opportunities o
    SET sales_stage_id = stage, stage_time = moment, moves = o.moves + 1, estimated_amount = entering.estimated_amount,
        win_probability = CASE WHEN move.stage_kind = '进行中' THEN coalesce((body ->> 'win_probability')::integer, move.win_probability)
                               ELSE move.win_probability END,
        status = move.stage_kind, -- the labels of the two dictionaries are the same
        closed_time = CASE WHEN move.stage_kind <> '进行中' THEN moment END,
        lost_reason = CASE WHEN move.stage_kind IN ('输单', '无效') THEN body ->> 'lost_reason' END,
        lost_note = CASE WHEN move.stage_kind IN ('输单', '无效') THEN body ->> 'lost_note' END,
        version = o.version + 1, updated_by = by_user, updated_time = moment
    WHERE o.opportunity_id = was.opportunity_id;
    INSERT INTO stage_history (opportunity_id, sequence, from_stage_id, to_stage_id, duration_s, reason, lost_reason, lost_note,
                               previous_amount, previous_close_date, created_by, created_time, updated_by, updated_time)
    VALUES (was.opportunity_id, was.moves + 1, was.sales_stage_id, stage, extract(epoch FROM moment - was.stage_time),
            body ->> 'reason', body ->> 'lost_reason', body ->> 'lost_note', was.estimated_amount, was.expected_close_date,
            by_user, moment, by_user, moment);
END $$;

-- POST /opportunities/{id}/stage
CREATE FUNCTION opportunity_move(was opportunities, by_user uuid, body jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM opportunity_enter(was, by_user, (body ->> 'sales_stage_id')::uuid, '{forward,back,close}', body);
END $$;

-- POST /opportunities/{id}/close: the first stage of the kind that `result` names.
CREATE FUNCTION opportunity_close(was opportunities, by_user uuid, body jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    stage uuid := (SELECT m.stage_id FROM opportunity_moves(was) m
                   WHERE m.direction = 'close' AND m.stage_kind = body ->> 'result' LIMIT 1);
BEGIN
    IF stage IS NULL THEN
        PERFORM conflict(jsonb_build_object('result', jsonb_build_object(
            'reason', 'is no way to close it now', 'allowed', opportunity_allowed(was, '{close}'))));
    END IF;
    PERFORM opportunity_enter(was, by_user, stage, '{close}', body);
END $$;

-- POST /opportunities/{id}/reopen: into the stage that is named, else the one it was closed in, else the first one.
CREATE FUNCTION opportunity_reopen(was opportunities, by_user uuid, body jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    stage uuid := (body ->> 'sales_stage_id')::uuid;
BEGIN
    IF NOT opportunity_is_closed(was.status) THEN
        PERFORM conflict('{"status": "is not closed"}');
    END IF;
    IF stage IS NULL THEN
        SELECT m.stage_id INTO stage FROM opportunity_moves(was) WITH ORDINALITY m
        ORDER BY m.stage_id IS DISTINCT FROM (SELECT h.from_stage_id FROM stage_history h
                                              WHERE h.opportunity_id = was.opportunity_id ORDER BY h.sequence DESC LIMIT 1),
                 m.ordinality LIMIT 1;
    END IF;
    PERFORM opportunity_enter(was, by_user, stage, '{reopen}', body);
END $$;

-- What a keyword finds of the customer. The share lock holds off a rename, which would not see a record that is just being made.
CREATE FUNCTION opportunity_customer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT c.customer_name || E'\n' || c.pinyin INTO NEW.customer_text FROM customer_ref c
    WHERE c.customer_id = NEW.customer_id AND c.deleted_time IS NULL FOR SHARE;
    IF NOT FOUND THEN
        PERFORM refuse('{"customer_id": "missing"}');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER opportunities_customer BEFORE INSERT ON opportunities FOR EACH ROW EXECUTE FUNCTION opportunity_customer();
CREATE TRIGGER opportunities_customer_change BEFORE UPDATE OF customer_id ON opportunities
    FOR EACH ROW WHEN (NEW.customer_id <> OLD.customer_id) EXECUTE FUNCTION opportunity_customer();

-- A rename is no change of the opportunity: its version stays, and its tag changes with the name it shows.
CREATE FUNCTION opportunity_customer_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE opportunities SET customer_text = NEW.customer_name || E'\n' || NEW.pinyin WHERE customer_id = NEW.customer_id;
    RETURN NULL;
END $$;
CREATE TRIGGER customer_ref_renamed AFTER UPDATE OF customer_name, pinyin ON customer_ref
    FOR EACH ROW WHEN ((NEW.customer_name, NEW.pinyin) IS DISTINCT FROM (OLD.customer_name, OLD.pinyin))
    EXECUTE FUNCTION opportunity_customer_renamed();

-- A new opportunity begins in an open stage: the one that is named, else the first of the default pipeline.
CREATE FUNCTION opportunity_begin() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    stage stages;
BEGIN
    NEW.sales_stage_id := coalesce(NEW.sales_stage_id, (
        SELECT s.stage_id FROM stages s JOIN pipelines p USING (pipeline_id)
        WHERE p.is_default AND s.stage_kind = '进行中' AND s.is_active AND s.deleted_time IS NULL
        ORDER BY s.sort_order, s.stage_id LIMIT 1));
    SELECT s.* INTO stage FROM stages s WHERE s.stage_id = NEW.sales_stage_id AND s.deleted_time IS NULL FOR SHARE;
    PERFORM refuse(jsonb_strip_nulls(jsonb_build_object(
        'sales_stage_id', CASE WHEN stage.stage_kind IS DISTINCT FROM '进行中' OR NOT stage.is_active THEN
            jsonb_build_object('reason', 'is not an open stage in use', 'allowed', (
                SELECT coalesce(jsonb_agg(s.stage_name ORDER BY s.sort_order, s.stage_id), '[]') FROM stages s
                JOIN pipelines p USING (pipeline_id) WHERE s.stage_kind = '进行中' AND s.is_active AND s.deleted_time IS NULL
                AND CASE WHEN stage.pipeline_id IS NULL THEN p.is_default ELSE s.pipeline_id = stage.pipeline_id END)) END,
        'status', CASE WHEN opportunity_is_closed(NEW.status) THEN
            '{"reason": "of a new opportunity is an open one", "allowed": ["进行中", "已搁置"]}'::jsonb END)));
    NEW.pipeline_id := stage.pipeline_id;
    NEW.win_probability := coalesce(NEW.win_probability, stage.win_probability);
    NEW.assigned_to := coalesce(NEW.assigned_to, NEW.created_by);
    NEW.estimated_amount := coalesce(NEW.estimated_amount, 0);
    RETURN NEW;
END $$;
CREATE TRIGGER opportunities_begin BEFORE INSERT ON opportunities FOR EACH ROW EXECUTE FUNCTION opportunity_begin();

CREATE FUNCTION opportunity_begun() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stage_history (opportunity_id, sequence, to_stage_id, created_by, created_time, updated_by, updated_time)
    VALUES (NEW.opportunity_id, 0, NEW.sales_stage_id, NEW.created_by, NEW.stage_time, NEW.created_by, NEW.stage_time);
    RETURN NULL;
END $$;
CREATE TRIGGER opportunities_begun AFTER INSERT ON opportunities FOR EACH ROW EXECUTE FUNCTION opportunity_begun();

-- What an update may not do because of what the opportunity is: stages change by procedures alone, and of a closed one only notes
-- and who is responsible change at all.
CREATE FUNCTION opportunity_forbidden(old opportunities, new opportunities) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    closed  boolean := opportunity_is_closed(old.status);
    reasons jsonb := '{}';
    field   text;
BEGIN
    IF new.sales_stage_id <> old.sales_stage_id THEN
        reasons := reasons || jsonb_build_object('sales_stage_id', jsonb_build_object(
            'reason', 'changes by POST /api/v1/opportunities/{opportunity_id}/' || CASE WHEN closed THEN 'reopen' ELSE 'stage' END,
            'allowed', opportunity_allowed(old, '{forward,back,close,reopen}')));
    END IF;
    IF new.status <> old.status AND (closed OR opportunity_is_closed(new.status)) THEN
        reasons := reasons || jsonb_build_object('status', jsonb_build_object(
            'reason', 'changes by POST /api/v1/opportunities/{opportunity_id}/' || CASE WHEN closed THEN 'reopen' ELSE 'close' END,
            'allowed', CASE WHEN closed THEN jsonb_build_array(old.status) ELSE '["进行中", "已搁置"]' END));
    END IF;
    FOREACH field IN ARRAY '{opportunity_name,customer_id,lead_id,product_type,estimated_amount,expected_close_date,win_probability}'::text[] LOOP
        IF closed AND to_jsonb(new) -> field <> to_jsonb(old) -> field THEN
            reasons := reasons || jsonb_build_object(field, 'the opportunity is closed');
        END IF;
    END LOOP;
    RETURN reasons;
END $$;

CREATE FUNCTION opportunity_before_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.estimated_amount := coalesce(NEW.estimated_amount, 0);
    NEW.assigned_to := coalesce(NEW.assigned_to, NEW.created_by);
    NEW.win_probability := coalesce(NEW.win_probability, (SELECT s.win_probability FROM stages s WHERE s.stage_id = NEW.sales_stage_id));
    IF NEW.moves = OLD.moves THEN
        PERFORM conflict(opportunity_forbidden(OLD, NEW));
    END IF;
    IF OLD.deleted_time IS NOT NULL AND NEW.deleted_time IS NULL THEN
        PERFORM FROM stages s WHERE s.stage_id = NEW.sales_stage_id AND s.deleted_time IS NULL FOR SHARE;
        IF NOT FOUND THEN
            PERFORM conflict('{"sales_stage_id": "the stage that it was in is deleted"}');
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER opportunities_before BEFORE UPDATE ON opportunities FOR EACH ROW EXECUTE FUNCTION opportunity_before_update();

-- --- events and names ----------------------------------------------------------------------------------------------------

CREATE TRIGGER pipelines_event AFTER INSERT OR UPDATE ON pipelines
    FOR EACH ROW EXECUTE FUNCTION record_event('pipeline', 'pipeline_id');
CREATE TRIGGER stages_event AFTER INSERT OR UPDATE ON stages
    FOR EACH ROW EXECUTE FUNCTION record_event('stage', 'stage_id');
CREATE TRIGGER opportunities_event AFTER INSERT OR UPDATE ON opportunities
    FOR EACH ROW EXECUTE FUNCTION record_event('opportunity', 'opportunity_id', 'customer_text', 'amount_fen', 'weighted_fen');
CREATE TRIGGER stage_history_event AFTER INSERT OR UPDATE ON stage_history
    FOR EACH ROW EXECUTE FUNCTION record_event('stage_history', 'history_id');
CREATE TRIGGER pipelines_announce AFTER UPDATE ON pipelines
    FOR EACH ROW EXECUTE FUNCTION announce_name('pipeline_id', 'pipeline_name');
CREATE TRIGGER stages_announce AFTER UPDATE ON stages
    FOR EACH ROW EXECUTE FUNCTION announce_name('stage_id', 'stage_name');
CREATE TRIGGER opportunities_announce AFTER UPDATE ON opportunities
    FOR EACH ROW EXECUTE FUNCTION announce_name('opportunity_id', 'opportunity_name');

-- --- what is there from the first start ----------------------------------------------------------------------------------

INSERT INTO pipelines (pipeline_id, pipeline_name, is_default, sort_order) VALUES
    ('018f3c5e-7a10-7c3e-9b1a-5a0000000001', '标准销售流程', true, 1);
INSERT INTO stages (stage_id, pipeline_id, stage_code, stage_name, stage_kind, win_probability, sort_order, pinyin)
SELECT ('018f3c5e-7a10-7c3e-9b1a-5a00000001' || lpad(s.n::text, 2, '0'))::uuid, '018f3c5e-7a10-7c3e-9b1a-5a0000000001', s.code, s.name,
       s.kind, s.probability, s.n * 10, s.pinyin
FROM (VALUES (1, 'CONTACT', '初步接触', '进行中', 10, 'chubujiechu cbjc'),
             (2, 'REQUIREMENT', '需求确认', '进行中', 30, 'xuqiuqueren xqqr'),
             (3, 'PROPOSAL', '方案报价', '进行中', 50, 'fanganbaojia fabj'),
             (4, 'NEGOTIATION', '商务谈判', '进行中', 70, 'shangwutanpan swtp'),
             (5, 'CONTRACT', '合同签订', '进行中', 90, 'hetongqianding htqd'),
             (6, 'WON', '赢单', '赢单', 100, 'yingdan yd'),
             (7, 'LOST', '输单', '输单', 0, 'shudan sd'),
             (8, 'INVALID', '无效', '无效', 0, 'wuxiao wx')) AS s (n, code, name, kind, probability, pinyin);
