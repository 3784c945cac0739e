-- What a board adds up, added up already: each write of an opportunity adds a row with what it changes, and housekeeping() folds the rows
-- of one owner, stage and status into one. Rows are added and removed, never changed: no write waits for another.
CREATE TABLE board_sums (
    pipeline_id    uuid NOT NULL,
    assigned_to    uuid,
    sales_stage_id uuid NOT NULL,
    status         text NOT NULL,
    count          bigint NOT NULL,
    amount_fen     numeric NOT NULL,
    weighted_fen   numeric NOT NULL
);
CREATE INDEX board_sums_owner ON board_sums (pipeline_id, assigned_to);

CREATE FUNCTION board_add(o opportunities, times integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO board_sums VALUES (o.pipeline_id, o.assigned_to, o.sales_stage_id, o.status, times,
                                   times * o.amount_fen::numeric, times * o.weighted_fen::numeric);
END $$;

CREATE FUNCTION opportunity_summed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.deleted_time IS NULL THEN
        PERFORM board_add(OLD, -1);
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.deleted_time IS NULL THEN
        PERFORM board_add(NEW, 1);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER opportunities_summed AFTER INSERT OR DELETE ON opportunities FOR EACH ROW EXECUTE FUNCTION opportunity_summed();
CREATE TRIGGER opportunities_summed_anew AFTER UPDATE ON opportunities FOR EACH ROW
    WHEN ((OLD.pipeline_id, OLD.assigned_to, OLD.sales_stage_id, OLD.status, OLD.amount_fen, OLD.weighted_fen, OLD.deleted_time)
          IS DISTINCT FROM
          (NEW.pipeline_id, NEW.assigned_to, NEW.sales_stage_id, NEW.status, NEW.amount_fen, NEW.weighted_fen, NEW.deleted_time))
    EXECUTE FUNCTION opportunity_summed();

-- All anew, from the opportunities. Nobody may write any meanwhile, nor fold: what is folded at that moment would count twice.
CREATE FUNCTION board_sums_make() RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('board_sums', 0));
    LOCK TABLE opportunities IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM board_sums;
    INSERT INTO board_sums
    SELECT o.pipeline_id, o.assigned_to, o.sales_stage_id, o.status, count(*), sum(o.amount_fen), sum(o.weighted_fen)
    FROM opportunities o WHERE o.deleted_time IS NULL GROUP BY 1, 2, 3, 4;
$$;
SELECT board_sums_make();

-- One at a time: two would wait for each other's rows.
CREATE FUNCTION board_sums_fold() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('board_sums', 0)) THEN
        RETURN;
    END IF;
    WITH many AS (SELECT s.ctid AS at, count(*) OVER (PARTITION BY s.pipeline_id, s.assigned_to, s.sales_stage_id, s.status) AS rows
                  FROM board_sums s),
         gone AS (DELETE FROM board_sums s WHERE s.ctid IN (SELECT m.at FROM many m WHERE m.rows > 1) RETURNING s.*)
    INSERT INTO board_sums
    SELECT g.pipeline_id, g.assigned_to, g.sales_stage_id, g.status, sum(g.count), sum(g.amount_fen), sum(g.weighted_fen)
    FROM gone g GROUP BY 1, 2, 3, 4 HAVING sum(g.count) <> 0;
END $$;

ALTER FUNCTION housekeeping() RENAME TO housekeeping_rest;
CREATE FUNCTION housekeeping() RETURNS void LANGUAGE sql AS $$
    SELECT housekeeping_rest();
    SELECT board_sums_fold();
$$;
