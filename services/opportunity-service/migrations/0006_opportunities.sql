-- Stages that opportunities go through. Column names are the property names of proto-json-schemas.

CREATE TABLE stages (
    stage_id        uuid PRIMARY KEY,
    stage_code      text NOT NULL,
    stage_name      text NOT NULL,
    win_probability integer NOT NULL DEFAULT 0,
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
CREATE UNIQUE INDEX stages_stage_name ON stages (stage_name) WHERE deleted_time IS NULL;
CREATE TRIGGER stages_event AFTER INSERT OR UPDATE ON stages
    FOR EACH ROW EXECUTE FUNCTION record_event('stage', 'stage_id');
CREATE TRIGGER stages_announce AFTER UPDATE ON stages
    FOR EACH ROW EXECUTE FUNCTION announce_name('stage_id', 'stage_name');
