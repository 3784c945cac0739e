-- As in rest_follow.sql, with one plan for a page instead of one for each event. Linked as a later migration of the services that follow.
CREATE OR REPLACE FUNCTION feed_apply(of_source text, for_holder uuid, for_ms integer, at text, page jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    effect text := format('SELECT %I(e.value) FROM jsonb_array_elements($1) WITH ORDINALITY AS e (value, place) ORDER BY e.place',
                          replace(of_source, '-service', '') || '_event');
    events jsonb := page -> 'data' -> 'events';
    behind text := page -> 'data' ->> 'next';
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
    EXECUTE effect USING events;
    RETURN behind;
END $$;
