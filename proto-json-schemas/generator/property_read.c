#include "property_read.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "source.h"

/* --- type ------------------------------------------------------------------------------------------------------- */
/* min/max: what holds when the schema does not say. */
struct spelling {
    const char *type, *format;
    enum field_type field;
    unsigned flags;
    int min, max;
};

static const struct spelling spellings[] = {
    { "string", NULL, T_TEXT, 0, 0, 0 },
    { "string", "multiline", T_TEXT, F_MULTILINE, 0, 0 },
    { "string", "code", T_CODE, 0, 0, 0 },
    { "string", "phone", T_PHONE, 0, 0, 0 },
    { "string", "email", T_EMAIL, 0, 0, 0 },
    { "string", "uuid", T_UUID, 0, 36, 36 },
    { "string", "date", T_DATE, 0, 0, 10 },
    { "string", "datetime", T_TIME, 0, 0, 25 }, /* an RFC 3339 time with offset is the longest */
    { "integer", NULL, T_INT, 0, 0, INT_MAX },
    { "number", "money", T_MONEY, 0, 0, 0 },
    { "boolean", NULL, T_BOOL, 0, 0, 0 },
    { "array", NULL, T_TAGS, 0, 0, 0 },
    { "array", "codes", T_CODES, 0, 0, 0 },
    { "object", NULL, T_JSON, 0, 0, 0 },
    { "number", "quantity", T_QUANTITY, 0, 0, 0 },
    { "array", "items", T_ITEMS, 0, 0, 0 },
};

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static const struct spelling *find_spelling(struct place at, const cJSON *json)
{
    const char *type = source_text(at, json, "type"), *format = source_text_or(at, json, "format", NULL);
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
        if (same(type, spellings[i].type) && same(format, spellings[i].format)) return &spellings[i];
    source_fail(at, "no field type for type \"%s\", format \"%s\"", type, format ? format : "");
}

static void read_tags(struct place at, struct property *p, const cJSON *json)
{
    static const char *const keys[] = { "type", "minLength", "maxLength", NULL };
    const cJSON *items = source_object(at, json, "items");
    source_keys(at, items, keys);
    p->max = source_int(at, json, "maxItems");
    p->item_max = source_int(at, items, "maxLength");
    if (!source_bool(at, json, "uniqueItems")) source_fail(at, "uniqueItems must be true: tags are a set");
}

/* "items": {"$ref": "order_item.json"} */
static void read_items(struct place at, struct property *p, const cJSON *json)
{
    static const char *const keys[] = { "$ref", NULL };
    const cJSON *items = source_object(at, json, "items");
    source_keys(at, items, keys);
    p->min = source_int(at, json, "minItems");
    p->max = source_int(at, json, "maxItems");
    p->items_file = source_text(at, items, "$ref");
}

static bool needs_max_length(const struct property *p)
{
    bool text = p->type == T_TEXT || p->type == T_CODE || p->type == T_PHONE || p->type == T_EMAIL;
    return text && !(p->flags & F_JOINED);
}

/* Sets of codes are written into SQL and JSON as they are. */
static void check_codes(struct place at, const struct dict *d)
{
    const cJSON *entry;
    cJSON_ArrayForEach(entry, d->entries)
    {
        for (const char *p = source_get(entry, "const")->valuestring; *p; p++)
            if (!isalnum((unsigned char)*p) && !strchr("_:.-", *p)) source_fail(at, "a code of \"%s\" holds \"%c\"", d->name, *p);
    }
}

/* A string becomes an enumeration, kept as its label, or with the format "code" as its code. */
static void read_dictionary(const struct model *m, struct place at, struct property *p, const char *name)
{
    if (p->type != T_TEXT && p->type != T_CODE && p->type != T_CODES) source_fail(at, "x-dictionary needs a string or codes");
    if (p->type == T_CODE) p->flags |= F_CODED;
    if (p->type != T_CODES) p->type = T_ENUM;
    p->dict = model_dict(m, name);
    if (!p->dict) source_fail(at, "unknown dictionary \"%s\"", name);
    if (p->type == T_CODES) check_codes(at, p->dict);
}

static void read_type(const struct model *m, struct place at, struct property *p, const cJSON *json)
{
    const struct spelling *as = find_spelling(at, json);
    const char *dict = source_text_or(at, json, "x-dictionary", NULL);
    p->type = as->field;
    p->flags |= as->flags;
    p->min = source_int_or(at, json, as->field == T_INT || as->field == T_MONEY ? "minimum" : "minLength", as->min);
    p->max = source_int_or(at, json, as->field == T_INT ? "maximum" : "maxLength", as->max);
    if (p->type == T_TAGS || p->type == T_CODES) read_tags(at, p, json);
    if (p->type == T_ITEMS) read_items(at, p, json);
    if (dict) read_dictionary(m, at, p, dict);
    else if (p->type == T_CODES) source_fail(at, "codes need an x-dictionary");
    if (needs_max_length(p) && !p->max) source_fail(at, "\"maxLength\" is missing");
}

/* --- flags ------------------------------------------------------------------------------------------------------ */
static const struct {
    const char *key;
    unsigned flags;
} switches[] = {
    { "readOnly", F_READONLY }, { "x-filter", F_FILTER }, { "x-sort", F_SORT },
    { "x-unique", F_UNIQUE },   { "writeOnly", F_WRITEONLY },
};

static unsigned read_secret(struct place at, const cJSON *json)
{
    const cJSON *how = source_get(json, "x-secret");
    if (!how || cJSON_IsFalse(how)) return 0;
    if (cJSON_IsTrue(how)) return F_SECRET;
    if (cJSON_IsString(how) && same(how->valuestring, "sealed")) return F_SECRET | F_SEALED;
    source_fail(at, "x-secret must be true or \"sealed\"");
}

static unsigned read_search(struct place at, const cJSON *json)
{
    const cJSON *how = source_get(json, "x-search");
    if (!how || cJSON_IsFalse(how)) return 0;
    if (cJSON_IsTrue(how)) return F_SEARCH;
    if (cJSON_IsString(how) && same(how->valuestring, "pinyin")) return F_SEARCH | F_PINYIN;
    if (cJSON_IsString(how) && same(how->valuestring, "exact")) return F_SEARCH | F_EXACT;
    source_fail(at, "x-search must be true, \"pinyin\" or \"exact\"");
}

static unsigned read_flags(struct place at, const cJSON *json)
{
    unsigned flags = read_search(at, json) | read_secret(at, json);
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
        if (source_bool_or(at, json, switches[i].key, false)) flags |= switches[i].flags;
    if (source_get(json, "x-from")) flags |= F_JOINED;
    return flags;
}

/* --- the rest --------------------------------------------------------------------------------------------------- */
static const char *read_default(struct place at, const struct property *p, const cJSON *json)
{
    const cJSON *v = source_get(json, "default"), *entry;
    if (!v) return NULL;
    if (cJSON_IsNumber(v) && p->type == T_INT) return new_text("%d", source_int(at, json, "default"));
    if (cJSON_IsBool(v) && p->type == T_BOOL) return cJSON_IsTrue(v) ? "true" : "false";
    if (!cJSON_IsString(v) || p->flags & F_CODED) source_fail(at, "\"default\" does not fit the type");
    if (!p->dict) return v->valuestring;
    cJSON_ArrayForEach(entry, p->dict->entries)
    {
        if (same(source_get(entry, "title")->valuestring, v->valuestring)) return v->valuestring;
    }
    source_fail(at, "default \"%s\" is no label of \"%s\"", v->valuestring, p->dict->name);
}

static const cJSON *read_ref(struct place at, const cJSON *json)
{
    static const char *const keys[] = { "table", "id", "name", "owner", "whose", NULL };
    const cJSON *ref = source_get(json, "x-ref");
    if (!ref) return NULL;
    source_keys(at, source_object(at, json, "x-ref"), keys);
    source_text(at, ref, "table"), source_text(at, ref, "id"), source_text(at, ref, "name");
    source_text_or(at, ref, "owner", NULL);
    source_text_or(at, ref, "whose", NULL);
    return ref;
}

static void check_flags(struct place at, const struct property *p)
{
    static const struct {
        unsigned when, never;
        const char *why;
    } bans[] = {
        { F_SECRET, F_FILTER | F_SORT, "x-secret excludes x-filter and x-sort: they would tell what is masked" },
        { F_SEALED, F_UNIQUE | F_PINYIN | F_READONLY, "a sealed x-secret excludes x-unique, pinyin and readOnly" },
        { F_JOINED, F_FILTER | F_SORT | F_PINYIN | F_EXACT | F_UNIQUE,
          "x-from excludes x-filter, x-sort, x-unique, and x-search other than true" },
        { F_WRITEONLY, F_READONLY | F_FILTER | F_SORT | F_SEARCH | F_UNIQUE,
          "writeOnly excludes readOnly and whatever would tell the value" },
    };
    bool is_text = p->type == T_TEXT || p->type == T_PHONE || p->type == T_EMAIL;
    if ((p->flags & F_WRITEONLY) && p->type != T_TEXT) source_fail(at, "writeOnly is for plain strings");
    if ((p->flags & F_JOINED) && !(p->flags & F_READONLY)) source_fail(at, "x-from needs readOnly: it is no column");
    if (p->derived && (p->flags != F_READONLY || p->ref)) source_fail(at, "x-derived needs readOnly and nothing else: it is no column");
    if (p->type == T_ITEMS && p->flags & ~(unsigned)(F_READONLY | F_REQUIRED))
        source_fail(at, "items are neither found, sorted by nor secret as a whole");
    if (p->type == T_JSON && p->flags != F_READONLY) source_fail(at, "an object is readOnly and nothing else");
    if ((p->flags & F_SEALED) && (!is_text || (p->flags & (F_SEARCH | F_EXACT)) == F_SEARCH))
        source_fail(at, "a sealed x-secret needs a text, and is found by x-search \"exact\" only");
    for (size_t i = 0; i < sizeof bans / sizeof *bans; i++)
        if ((p->flags & bans[i].when) && (p->flags & bans[i].never)) source_fail(at, "%s", bans[i].why);
}

void property_read(const struct model *m, const struct schema *s, struct property *p, const cJSON *json)
{
    static const char *const keys[] = { "title",    "description", "type",         "format",    "examples",
                                        "default",  "readOnly",    "writeOnly",    "minLength", "maxLength",
                                        "minimum",  "maximum",     "items",        "minItems",  "maxItems",
                                        "uniqueItems",
                                        "x-filter", "x-sort",      "x-search",     "x-secret",  "x-unique",
                                        "x-ref",    "x-from",      "x-dictionary", "x-derived", NULL };
    struct place at = { s->file, json->string };
    source_keys(at, json, keys);
    *p = (struct property){ .name = json->string, .json = json, .from = -1 };
    p->title = source_text(at, json, "title");
    p->flags = read_flags(at, json);
    read_type(m, at, p, json);
    p->fallback = read_default(at, p, json);
    p->ref = read_ref(at, json);
    p->ref_whose = p->ref ? source_text_or(at, p->ref, "whose", NULL) : NULL;
    p->derived = source_text_or(at, json, "x-derived", NULL);
    p->example = cJSON_GetArrayItem(source_array(at, json, "examples"), 0);
    if (!p->example) source_fail(at, "has no example");
    check_flags(at, p);
}

void property_resolve(const struct schema *s, struct property *p)
{
    if (!(p->flags & F_JOINED)) return;
    struct place at = { s->file, p->name };
    const char *from = source_text(at, p->json, "x-from");
    p->from = schema_property(s, from);
    if (p->from < 0) source_fail(at, "x-from: unknown field \"%s\"", from);
    if (!s->properties[p->from].ref) source_fail(at, "x-from: \"%s\" has no x-ref", from);
}

/* --- replies that are documents --------------------------------------------------------------------------------- */
static const char *const document_keys[] = { "$schema", "$id",      "title",      "description",
                                             "type",    "format",   "examples",   "enum",
                                             "minimum", "maximum",  "minLength",  "maxLength",
                                             "items",   "required", "properties", NULL };

static void check_document(struct place at, const cJSON *schema)
{
    source_keys(at, schema, document_keys);
    const cJSON *items = source_get(schema, "items"), *property, *name;
    if (items) check_document(at, items);
    const cJSON *properties = source_get(schema, "properties");
    cJSON_ArrayForEach(property, properties) check_document((struct place){ at.file, property->string }, property);
    cJSON_ArrayForEach(name, source_get(schema, "required"))
    {
        if (!cJSON_IsString(name) || !source_get(properties, name->valuestring))
            source_fail(at, "required: unknown field");
    }
}

void document_check(const char *file, const cJSON *schema)
{
    check_document((struct place){ file, NULL }, schema);
}
