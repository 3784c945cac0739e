#include <string.h>

#include "model.h"
#include "source.h"

static const char file[] = "dictionaries.json";

const struct dict *model_dict(const struct model *m, const char *name)
{
    for (size_t i = 0; i < m->dict_count; i++)
        if (strcmp(m->dicts[i].name, name) == 0) return &m->dicts[i];
    return NULL;
}

static bool is_taken(const cJSON *entries, const cJSON *entry, const char *text)
{
    const cJSON *other;
    cJSON_ArrayForEach(other, entries)
    {
        if (other == entry) return false;
        if (strcmp(source_get(other, "const")->valuestring, text) == 0) return true;
        if (strcmp(source_get(other, "title")->valuestring, text) == 0) return true;
    }
    return false;
}

static struct dict read_dict(const cJSON *json)
{
    static const char *const keys[] = { "title", "oneOf", NULL }, *const entry_keys[] = { "const", "title", NULL };
    struct place at = { file, json->string };
    source_keys(at, json, keys);
    struct dict d = { json->string, source_text(at, json, "title"), source_array(at, json, "oneOf") };
    const cJSON *entry;
    cJSON_ArrayForEach(entry, d.entries)
    {
        source_keys(at, entry, entry_keys);
        const char *code = source_text(at, entry, "const"), *label = source_text(at, entry, "title");
        if (is_taken(d.entries, entry, code)) source_fail(at, "\"%s\" is given twice", code);
        if (is_taken(d.entries, entry, label)) source_fail(at, "\"%s\" is given twice", label);
    }
    if (!cJSON_GetArraySize(d.entries)) source_fail(at, "has no entries");
    return d;
}

void model_add_dict(struct model *m, struct dict d)
{
    struct dict *more = new_array(m->dict_count + 1, sizeof *more);
    if (m->dict_count) memcpy(more, m->dicts, m->dict_count * sizeof *more);
    more[m->dict_count++] = d;
    m->dicts = more;
}

void model_read_dictionaries(struct model *m, const char *folder)
{
    static const char *const keys[] = { "$schema", "$id", "title", "description", "$defs", NULL };
    const cJSON *json = source_read(folder, file), *def;
    struct place at = { file, NULL };
    source_keys(at, json, keys);
    const cJSON *defs = source_object(at, json, "$defs");
    cJSON_ArrayForEach(def, defs)
    {
        if (model_dict(m, def->string)) source_fail((struct place){ file, def->string }, "is defined twice");
        model_add_dict(m, read_dict(def));
    }
}
