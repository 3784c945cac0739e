#include <string.h>

#include "model.h"
#include "property_read.h"
#include "schema/validate.h"
#include "source.h"

struct schema *model_schema(const struct model *m, const char *name)
{
    for (size_t i = 0; i < m->schema_count; i++)
        if (strcmp(m->schemas[i].name, name) == 0) return &m->schemas[i];
    return NULL;
}

int schema_property(const struct schema *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->properties[i].name, name) == 0) return (int)i;
    return -1;
}

static int need_property(struct place at, const struct schema *s, const char *key, const char *name)
{
    int i = schema_property(s, name);
    if (i < 0) source_fail(at, "%s: unknown field \"%s\"", key, name);
    return i;
}

/* --- x-resource ------------------------------------------------------------------------------------------------- */
struct field_view schema_whole(const struct schema *s)
{
    struct field_view v = { new_array(s->count, sizeof(int)), s->count };
    for (size_t i = 0; i < s->count; i++) v.at[i] = (int)i;
    return v;
}

static struct field_view detail_view(const struct schema *s)
{
    struct field_view v = { new_array(s->count, sizeof(int)), 0 };
    for (size_t i = 0; i < s->count; i++)
        if (!(s->properties[i].flags & F_WRITEONLY)) v.at[v.count++] = (int)i;
    return v;
}

static struct field_view read_view(struct place at, const struct schema *s, const cJSON *views, const char *name)
{
    const cJSON *names = source_array(at, views, name), *field;
    struct field_view v = { new_array((size_t)cJSON_GetArraySize(names), sizeof(int)), 0 };
    cJSON_ArrayForEach(field, names)
    {
        if (!cJSON_IsString(field)) source_fail(at, "views.%s: not a field name", name);
        int i = need_property(at, s, name, field->valuestring);
        if (s->properties[i].flags & F_WRITEONLY) source_fail(at, "views.%s: \"%s\" is writeOnly", name, field->valuestring);
        for (size_t j = 0; j < v.count; j++)
            if (v.at[j] == i) source_fail(at, "views.%s: \"%s\" is given twice", name, field->valuestring);
        v.at[v.count++] = i;
    }
    if (!v.count) source_fail(at, "views.%s is empty", name);
    return v;
}

static void read_views(struct place at, struct schema *s, const cJSON *resource)
{
    static const char *const names[] = { "list", "created", "updated", NULL };
    static const enum view views[] = { VIEW_LIST, VIEW_CREATED, VIEW_UPDATED };
    const cJSON *json = source_object(at, resource, "views");
    source_keys(at, json, names);
    for (size_t i = 0; names[i]; i++) s->views[views[i]] = read_view(at, s, json, names[i]);
}

static void read_sort(struct place at, struct schema *s, const cJSON *resource)
{
    static const char *const keys[] = { "by", "order", NULL };
    const cJSON *sort = source_object(at, resource, "sort");
    source_keys(at, sort, keys);
    s->sort = need_property(at, s, "sort", source_text(at, sort, "by"));
    if (!(s->properties[s->sort].flags & F_SORT))
        source_fail(at, "sort: \"%s\" is not x-sort", s->properties[s->sort].name);
    const char *order = source_text(at, sort, "order");
    s->sort_ascending = strcmp(order, "asc") == 0;
    if (!s->sort_ascending && strcmp(order, "desc") != 0) source_fail(at, "sort.order must be asc or desc");
}

static void read_dates(struct place at, struct schema *s, const cJSON *resource)
{
    const char *name = source_text_or(at, resource, "dates", NULL);
    if (!name) return;
    s->dates = need_property(at, s, "dates", name);
    enum field_type type = s->properties[s->dates].type;
    if (type != T_TIME && type != T_DATE) source_fail(at, "dates: \"%s\" is neither a date nor a datetime", name);
}

/* Columns that every stored resource has: the generic handlers fill them. */
static void need_audit_columns(struct place at, const struct schema *s)
{
    static const char *const names[] = { "created_by", "created_time", "updated_by", "updated_time", "version" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int p = schema_property(s, names[i]);
        if (p < 0) source_fail(at, "a stored resource needs \"%s\"", names[i]);
        if (!(s->properties[p].flags & F_READONLY)) source_fail(at, "\"%s\" must be readOnly", names[i]);
    }
}

/* There is one column for it. */
static void check_pinyin(struct place at, const struct schema *s)
{
    int fields = 0;
    for (size_t i = 0; i < s->count; i++) fields += (s->properties[i].flags & F_PINYIN) != 0;
    if (fields > 1) source_fail(at, "pinyin is kept of one field only");
}

static bool has_secret(const struct schema *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->properties[i].flags & F_SECRET) return true;
    return false;
}

/* What the operations of a record demand, so that it can be said of a record without calling them. */
static const char *permission_of(const struct model *m, const struct schema *s, enum action action)
{
    for (size_t i = 0; i < m->service_count; i++)
        for (size_t j = 0; j < m->services[i].count; j++) {
            const struct operation *o = &m->services[i].operations[j];
            if (o->resource == s && o->action == action) return o->permission;
        }
    return NULL;
}

/* Whose a record is, and who sees what is secret in it. */
static void read_access(const struct model *m, struct place at, struct schema *s, const cJSON *resource)
{
    static const enum action actions[] = { ACTION_GET, ACTION_UPDATE, ACTION_DELETE };
    static const enum act acts[] = { ACT_VIEW, ACT_UPDATE, ACT_DELETE };
    const char *owner = source_text_or(at, resource, "owner", NULL), *unmask = source_text_or(at, resource, "unmask", NULL);
    if (unmask && !source_get(m->permissions, unmask)) source_fail(at, "unmask: unknown permission \"%s\"", unmask);
    if (!unmask && has_secret(s)) source_fail(at, "has x-secret fields and no \"unmask\"");
    s->permissions[ACT_UNMASK] = unmask;
    if (!owner) return;
    s->owner = need_property(at, s, "owner", owner);
    if (s->properties[s->owner].type != T_UUID) source_fail(at, "owner: \"%s\" is no uuid", owner);
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) s->permissions[acts[i]] = permission_of(m, s, actions[i]);
}

/* Columns that are no properties, and that other services are told nevertheless. */
static void read_events(struct place at, struct schema *s, const cJSON *resource)
{
    const cJSON *name;
    s->is_untold = cJSON_IsFalse(source_get(resource, "events"));
    s->is_appended = cJSON_IsTrue(source_get(resource, "appended"));
    if (s->is_appended && !s->is_untold) source_fail(at, "appended: its events tell what changes");
    if (!source_get(resource, "events") || s->is_untold) return;
    s->event_columns = source_array(at, resource, "events");
    cJSON_ArrayForEach(name, s->event_columns)
    {
        if (!cJSON_IsString(name)) source_fail(at, "events: not a column's name");
        if (schema_property(s, name->valuestring) >= 0) source_fail(at, "events: \"%s\" is a property", name->valuestring);
        if (name->valuestring[strspn(name->valuestring, "abcdefghijklmnopqrstuvwxyz_")]) source_fail(at, "events: not a column's name");
    }
}

static void read_resource(const struct model *m, struct place at, struct schema *s, const cJSON *resource)
{
    static const char *const keys[] = { "table", "id", "dates", "sort", "views", "owner", "unmask", "events", "appended", NULL };
    source_keys(at, resource, keys);
    s->sql_table = source_text(at, resource, "table");
    read_events(at, s, resource);
    s->id = need_property(at, s, "id", source_text(at, resource, "id"));
    if (s->properties[s->id].type != T_UUID) source_fail(at, "id: \"%s\" is no uuid", s->properties[s->id].name);
    need_audit_columns(at, s);
    check_pinyin(at, s);
    s->version = schema_property(s, "version");
    read_dates(at, s, resource);
    read_sort(at, s, resource);
    read_views(at, s, resource);
    read_access(m, at, s, resource);
}

/* --- a schema --------------------------------------------------------------------------------------------------- */
static void read_required(struct place at, struct schema *s)
{
    const cJSON *name;
    cJSON_ArrayForEach(name, source_get(s->json, "required"))
    {
        if (!cJSON_IsString(name)) source_fail(at, "required: not a field name");
        struct property *p = &s->properties[need_property(at, s, "required", name->valuestring)];
        if (p->flags & F_READONLY) source_fail(at, "required: \"%s\" is readOnly", p->name);
        p->flags |= F_REQUIRED;
    }
}

static void read_properties(const struct model *m, struct place at, struct schema *s)
{
    const cJSON *properties = source_object(at, s->json, "properties"), *json;
    s->properties = new_array((size_t)cJSON_GetArraySize(properties), sizeof *s->properties);
    cJSON_ArrayForEach(json, properties)
    {
        if (schema_property(s, json->string) >= 0) source_fail(at, "field \"%s\" is given twice", json->string);
        property_read(m, s, &s->properties[s->count], json);
        s->count++;
    }
    if (s->count > FIELDS_MAX) source_fail(at, "has more than %d fields", FIELDS_MAX);
    for (size_t i = 0; i < s->count; i++) property_resolve(s, &s->properties[i]);
}

/* A schema becomes a table when it is stored or read from a body; what only describes a reply stays a document. */
static void read_table(const struct model *m, struct schema *s)
{
    static const char *const keys[] = { "$schema",    "$id",      "title",      "description", "type",
                                        "x-resource", "required", "properties", NULL };
    struct place at = { s->file, NULL };
    source_keys(at, s->json, keys);
    read_properties(m, at, s);
    read_required(at, s);
    for (int v = 0; v < VIEW_COUNT; v++) s->views[v] = detail_view(s);
    const cJSON *resource = source_get(s->json, "x-resource");
    if (resource) read_resource(m, (struct place){ s->file, "x-resource" }, s, resource);
}

static struct schema schema_open(const char *folder, const char *file)
{
    struct schema s = { .file = file, .id = -1, .version = -1, .dates = -1, .sort = -1, .owner = -1 };
    struct place at = { file, NULL };
    s.json = source_read(folder, file);
    s.name = new_text("%.*s", (int)(strlen(file) - strlen(".json")), file);
    s.title = source_text(at, s.json, "title");
    if (strcmp(source_text(at, s.json, "$id"), file) != 0) source_fail(at, "\"$id\" is not the file's name");
    return s;
}

/* Other files of the folder carry a second dot (customer-service.routes.json) or are lists, not schemas. */
static bool is_schema(const char *file)
{
    return strcmp(file, "dictionaries.json") != 0 && strcmp(file, "permissions.json") != 0 &&
           strchr(file, '.') == strrchr(file, '.');
}

void model_open_schemas(struct model *m, const char *folder)
{
    char **files;
    size_t n = source_list(folder, ".json", &files);
    m->schemas = new_array(n, sizeof *m->schemas);
    for (size_t i = 0; i < n; i++)
        if (is_schema(files[i])) m->schemas[m->schema_count++] = schema_open(folder, files[i]);
}

/* Whose a referred record is: known when all schemas have been read. */
static void resolve_reference(const struct model *m, struct property *p)
{
    for (size_t i = 0; p->ref && i < m->schema_count; i++) {
        const struct schema *s = &m->schemas[i];
        if (s->sql_table && s->owner >= 0 && strcmp(s->sql_table, source_get(p->ref, "table")->valuestring) == 0)
            p->ref_whose = s->properties[s->owner].name;
    }
}

static struct schema *schema_of_file(const struct model *m, struct place at, const char *file)
{
    for (size_t i = 0; i < m->schema_count; i++)
        if (strcmp(m->schemas[i].file, file) == 0) return &m->schemas[i];
    source_fail(at, "items: there is no \"%s\"", file);
}

/* The rows of a record are read with it, and so become a table, too. */
static void note_rows(const struct model *m, const struct schema *s)
{
    const cJSON *json;
    cJSON_ArrayForEach(json, source_get(s->json, "properties"))
    {
        struct place at = { s->file, json->string };
        if (strcmp(source_text_or(at, json, "format", ""), "items") != 0) continue;
        schema_of_file(m, at, source_text(at, source_object(at, json, "items"), "$ref"))->has_table = true;
    }
}

static void resolve_rows(const struct model *m, const struct schema *s, struct property *p)
{
    struct place at = { s->file, p->name };
    if (!p->items_file) return;
    p->items = schema_of_file(m, at, p->items_file);
    if (p->items->sql_table) source_fail(at, "items: \"%s\" is stored by itself", p->items->name);
}

void model_read_schemas(struct model *m)
{
    for (size_t i = 0; i < m->schema_count; i++)
        if (source_get(m->schemas[i].json, "x-resource")) note_rows(m, &m->schemas[i]);
    for (size_t i = 0; i < m->schema_count; i++) {
        struct schema *s = &m->schemas[i];
        if (source_get(s->json, "x-resource")) s->has_table = true;
        if (s->has_table)
            read_table(m, s);
        else
            document_check(s->file, s->json);
    }
    for (size_t i = 0; i < m->schema_count; i++)
        for (size_t j = 0; j < m->schemas[i].count; j++) {
            resolve_reference(m, &m->schemas[i].properties[j]);
            resolve_rows(m, &m->schemas[i], &m->schemas[i].properties[j]);
        }
}
