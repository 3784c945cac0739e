#include <string.h>

#include "openapi.h"
#include "source.h"

static const struct {
    const char *type, *format, *pattern;
} shapes[T_COUNT] = {
    [T_TEXT] = { "string", NULL, NULL },   [T_CODE] = { "string", NULL, "^[A-Za-z0-9_-]+$" },
    [T_UUID] = { "string", "uuid", NULL }, [T_INT] = { "integer", NULL, NULL },
    [T_MONEY] = { "number", NULL, NULL },  [T_BOOL] = { "boolean", NULL, NULL },
    [T_DATE] = { "string", "date", NULL }, [T_TIME] = { "string", NULL, "^\\d{4}-\\d{2}-\\d{2} \\d{2}:\\d{2}:\\d{2}$" },
    [T_ENUM] = { "string", NULL, NULL },   [T_TAGS] = { "array", NULL, NULL },
    [T_PHONE] = { "string", NULL, NULL },  [T_EMAIL] = { "string", "email", NULL },
    [T_CODES] = { "array", NULL, NULL },   [T_JSON] = { "object", NULL, NULL },
    [T_ITEMS] = { "array", NULL, NULL },   [T_QUANTITY] = { "number", NULL, NULL },
};

/* A reply always has these; every other field may be null: never given, cleared, or hidden from the caller. */
static bool is_never_null(const struct property *p)
{
    bool written_by_server = p->type == T_TIME || !strcmp(p->name, "version");
    return (p->flags & F_REQUIRED) || p->fallback || ((p->flags & F_READONLY) && written_by_server);
}

static bool is_nullable(const struct property *p, enum direction direction)
{
    if (direction == IN_QUERY) return false;
    return direction == IN_REQUEST ? !(p->flags & F_REQUIRED) && !p->fallback : !is_never_null(p);
}

static void add_enum(cJSON *schema, const struct property *p, bool nullable)
{
    const cJSON *entry;
    cJSON *labels = cJSON_AddArrayToObject(schema, "enum");
    cJSON_ArrayForEach(entry, p->dict->entries)
        cJSON_AddItemToArray(labels, cJSON_CreateString(source_get(entry, "title")->valuestring));
    if (nullable) cJSON_AddItemToArray(labels, cJSON_CreateNull());
}

static void add_codes(cJSON *items, const struct dict *d)
{
    const cJSON *entry;
    cJSON *codes = cJSON_AddArrayToObject(items, "enum");
    cJSON_ArrayForEach(entry, d->entries) cJSON_AddItemToArray(codes, cJSON_CreateString(source_get(entry, "const")->valuestring));
}

static void add_rows(cJSON *schema, const struct property *p, enum direction direction)
{
    cJSON *row = cJSON_AddObjectToObject(schema, "items"), *required = cJSON_CreateArray(), *properties;
    cJSON_AddStringToObject(row, "type", "object");
    properties = cJSON_AddObjectToObject(row, "properties");
    for (size_t i = 0; i < p->items->count; i++) {
        const struct property *q = &p->items->properties[i];
        if (direction == IN_REQUEST && (q->flags & F_READONLY)) continue;
        cJSON_AddItemToObject(properties, q->name, property_schema(q, direction));
        if (q->flags & F_REQUIRED) cJSON_AddItemToArray(required, cJSON_CreateString(q->name));
    }
    cJSON_AddItemToObject(row, "required", required);
    cJSON_AddNumberToObject(schema, "minItems", p->min);
    cJSON_AddNumberToObject(schema, "maxItems", p->max);
}

static void add_bounds(cJSON *schema, const struct property *p, enum direction direction)
{
    if (p->type == T_ITEMS) {
        add_rows(schema, p, direction);
    } else if (p->type == T_TAGS || p->type == T_CODES) {
        cJSON *items = cJSON_AddObjectToObject(schema, "items");
        cJSON_AddStringToObject(items, "type", "string");
        if (p->dict) add_codes(items, p->dict);
        else {
            cJSON_AddNumberToObject(items, "minLength", 1);
            cJSON_AddNumberToObject(items, "maxLength", p->item_max);
        }
        cJSON_AddNumberToObject(schema, "maxItems", p->max);
        cJSON_AddBoolToObject(schema, "uniqueItems", true);
    } else if (p->type == T_INT) {
        cJSON_AddNumberToObject(schema, "minimum", p->min);
        cJSON_AddNumberToObject(schema, "maximum", p->max);
    } else if (p->type == T_MONEY) {
        cJSON_AddNumberToObject(schema, "minimum", p->min);
        cJSON_AddRawToObject(schema, "maximum", "9999999999999.99");
    } else if (p->type == T_QUANTITY) {
        cJSON_AddRawToObject(schema, "minimum", "0.001");
        cJSON_AddRawToObject(schema, "maximum", "9999999999999.999");
    } else if (p->type != T_UUID && p->type != T_DATE && p->type != T_TIME) {
        if (p->min) cJSON_AddNumberToObject(schema, "minLength", p->min);
        if (p->max) cJSON_AddNumberToObject(schema, "maxLength", p->max);
    }
}

char *dict_note(const struct dict *d)
{
    const cJSON *entry;
    char *note = NULL;
    cJSON_ArrayForEach(entry, d->entries)
    {
        const char *code = source_get(entry, "const")->valuestring, *label = source_get(entry, "title")->valuestring;
        if (strcmp(code, label) == 0) continue;
        note = note ? new_text("%s、%s（%s）", note, code, label) : new_text("也接受代码：%s（%s）", code, label);
    }
    return note;
}

static void add_description(cJSON *schema, const struct property *p, enum direction direction)
{
    const cJSON *description = source_get(p->json, "description");
    const char *note = direction != IN_REPLY && p->type == T_ENUM ? dict_note(p->dict) : NULL;
    if (description && note)
        note = new_text("%s；%s", description->valuestring, note);
    else if (description)
        note = description->valuestring;
    if (note) cJSON_AddStringToObject(schema, "description", note);
}

static void add_default(cJSON *schema, const struct property *p)
{
    if (!p->fallback) return;
    if (p->type == T_INT || p->type == T_BOOL)
        cJSON_AddRawToObject(schema, "default", p->fallback);
    else
        cJSON_AddStringToObject(schema, "default", p->fallback);
}

cJSON *property_example(const struct property *p)
{
    if (p->type == T_MONEY) return cJSON_CreateRaw(new_text("%.2f", p->example->valuedouble));
    return cJSON_Duplicate(p->example, true);
}

cJSON *property_schema(const struct property *p, enum direction direction)
{
    cJSON *schema = cJSON_CreateObject();
    bool nullable = is_nullable(p, direction);
    if (direction != IN_QUERY) cJSON_AddStringToObject(schema, "title", p->title);
    cJSON_AddStringToObject(schema, "type", shapes[p->type].type);
    if (shapes[p->type].format) cJSON_AddStringToObject(schema, "format", shapes[p->type].format);
    if (shapes[p->type].pattern) cJSON_AddStringToObject(schema, "pattern", shapes[p->type].pattern);
    if (nullable) cJSON_AddBoolToObject(schema, "nullable", true);
    if (p->type == T_ENUM)
        add_enum(schema, p, nullable);
    else
        add_bounds(schema, p, direction);
    if (direction == IN_QUERY) return schema;
    add_description(schema, p, direction);
    if (direction == IN_REQUEST) add_default(schema, p);
    if (direction == IN_REPLY && (p->flags & F_READONLY)) cJSON_AddBoolToObject(schema, "readOnly", true);
    if (p->flags & F_WRITEONLY) cJSON_AddBoolToObject(schema, "writeOnly", true);
    cJSON_AddItemToObject(schema, "example", property_example(p));
    return schema;
}
