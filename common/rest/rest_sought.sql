-- Names that keywords find records by which refer to them: x-search of an x-from. Linked as a later migration of the services that use it.

CREATE FUNCTION note_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.renamed := pg_current_xact_id();
    RETURN NEW;
END $$;

-- Gives `names` what such a table needs. `search_text`, of those columns. `is_referred`, whether there are records that refer to it, which
-- triggers of those see to: only then it is worth the indexes of keywords; `referred` says so of those that are there, each called n.
-- `renamed`, the transaction in which its text last changed: totals of keywords hold until then.
CREATE FUNCTION make_sought(names regclass, referred text, VARIADIC columns text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    texts CONSTANT text := array_to_string(columns, $t$ || E'\n' || $t$);
    were  CONSTANT text := 'OLD.' || array_to_string(columns, ', OLD.');
    are   CONSTANT text := 'NEW.' || array_to_string(columns, ', NEW.');
BEGIN
    EXECUTE format('ALTER TABLE %s ADD search_text text GENERATED ALWAYS AS (lower(%s)) STORED, ADD renamed xid8, '
                   'ADD is_referred boolean NOT NULL DEFAULT false', names, texts);
    EXECUTE format('UPDATE %s n SET is_referred = true WHERE %s', names, referred);
    EXECUTE format('CREATE INDEX ON %s USING gin (search_text public.gin_trgm_ops) WHERE is_referred', names);
    EXECUTE format('CREATE INDEX ON %s USING gin (search_grams(search_text)) WHERE is_referred', names);
    EXECUTE format('CREATE INDEX ON %s (renamed) WHERE renamed IS NOT NULL', names);
    EXECUTE format('CREATE TRIGGER note_renamed BEFORE UPDATE ON %s FOR EACH ROW WHEN ((%s) IS DISTINCT FROM (%s)) '
                   'EXECUTE FUNCTION note_renamed()', names, are, were);
END $$;
