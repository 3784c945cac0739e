-- Names that keywords find records by which refer to them: x-search of an x-from. Linked as a later migration of the services that use it.

CREATE FUNCTION note_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.renamed := pg_current_xact_id();
    RETURN NEW;
END $$;

-- Gives `names` what such a table needs: `search_text`, of those columns, with the indexes of keywords, and `renamed`, the transaction in
-- which that last changed. Totals of keywords hold until somebody is renamed. Also of deleted ones: what refers to them stays.
CREATE FUNCTION make_sought(names regclass, VARIADIC columns text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    texts CONSTANT text := array_to_string(columns, $t$ || E'\n' || $t$);
    were  CONSTANT text := 'OLD.' || array_to_string(columns, ', OLD.');
    are   CONSTANT text := 'NEW.' || array_to_string(columns, ', NEW.');
BEGIN
    EXECUTE format('ALTER TABLE %s ADD search_text text GENERATED ALWAYS AS (lower(%s)) STORED, ADD renamed xid8', names, texts);
    EXECUTE format('CREATE INDEX ON %s USING gin (search_text public.gin_trgm_ops)', names);
    EXECUTE format('CREATE INDEX ON %s USING gin (search_grams(search_text))', names);
    EXECUTE format('CREATE INDEX ON %s (renamed) WHERE renamed IS NOT NULL', names);
    EXECUTE format('CREATE TRIGGER note_renamed BEFORE UPDATE ON %s FOR EACH ROW WHEN ((%s) IS DISTINCT FROM (%s)) '
                   'EXECUTE FUNCTION note_renamed()', names, are, were);
END $$;
