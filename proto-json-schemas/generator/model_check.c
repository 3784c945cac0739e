#include <string.h>

#include "model.h"
#include "source.h"

/* --- references ------------------------------------------------------------------------------------------------- */
static const struct schema *stored_in(const struct model *m, const char *table)
{
    for (size_t i = 0; i < m->schema_count; i++) {
        const char *t = m->schemas[i].sql_table;
        if (t && strcmp(t, table) == 0) return &m->schemas[i];
    }
    return NULL;
}

/* A local copy of another service's rows, fed by its events, is named <noun>_ref and has no schema. */
static bool is_local_copy(const char *table)
{
    size_t n = strlen(table);
    return n > 4 && strcmp(table + n - 4, "_ref") == 0;
}

static void check_ref(const struct model *m, const struct schema *s, const struct property *p)
{
    static const char *const columns[] = { "id", "name", "owner" };
    struct place at = { s->file, p->name };
    const char *table = source_text(at, p->ref, "table");
    const struct schema *target = stored_in(m, table);
    if (!target && is_local_copy(table)) return;
    if (!target) source_fail(at, "x-ref: no resource is stored in \"%s\"", table);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        const char *column = source_text_or(at, p->ref, columns[i], NULL);
        if (column && schema_property(target, column) < 0)
            source_fail(at, "x-ref: \"%s\" has no field \"%s\"", target->name, column);
    }
}

static void check_schema(const struct model *m, const struct schema *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->properties[i].ref) check_ref(m, s, &s->properties[i]);
    if (s->sql_table && stored_in(m, s->sql_table) != s)
        source_fail((struct place){ s->file, "x-resource" }, "table \"%s\" is taken", s->sql_table);
}

/* --- operations ------------------------------------------------------------------------------------------------- */
/* The same path but for the names of its parameters: no router could tell the two apart. */
static bool same_shape(const char *a, const char *b)
{
    while (*a && *a == *b) {
        if (*a == '{') a = strchr(a, '}'), b = strchr(b, '}');
        if (!a || !b) return false;
        a++, b++;
    }
    return *a == *b;
}

/* Services have internal paths of their own; the public ones are all the gateway's. */
static void check_pair(const struct service *s, const struct operation *o, const struct service *of, const struct operation *other)
{
    struct place at = { s->file, o->id };
    if (strcmp(o->id, other->id) == 0) source_fail(at, "operationId is given twice");
    bool meet = s == of || !operation_is_internal(o);
    if (meet && o->method == other->method && same_shape(o->path, other->path))
        source_fail(at, "same method and path as %s", other->id);
}

/* The generic handlers take the id from the path, or from the body of an internal method. */
static void check_id(struct place at, const struct operation *o)
{
    if (o->action == ACTION_LIST || o->action == ACTION_CREATE || o->action == ACTION_CUSTOM) return;
    if (o->rpc && source_get(o->rpc, "id")) return;
    const char *id = o->resource->properties[o->resource->id].name;
    if (!strstr(o->path, new_text("{%s}", id))) source_fail(at, "path has no {%s}", id);
}

/* An argument of an internal method that is a field: the request must have it. */
static void check_fields(struct place at, const struct operation *o)
{
    const cJSON *fields = o->rpc ? source_get(o->rpc, "fields") : NULL, *field;
    cJSON_ArrayForEach(field, fields)
    {
        if (!o->request) source_fail(at, "rpc.fields are of a request");
        if (schema_property(o->request, field->valuestring) < 0)
            source_fail(at, "rpc.fields: \"%s\" has no field \"%s\"", o->request->name, field->valuestring);
    }
}

static void check_operation(const struct model *m, const struct service *s, const struct operation *o)
{
    struct place at = { s->file, o->id };
    if (o->resource && !o->resource->sql_table) source_fail(at, "resource \"%s\" is not stored", o->resource->name);
    check_id(at, o);
    check_fields(at, o);
    for (size_t i = 0; i < m->service_count; i++)
        for (size_t j = 0; j < m->services[i].count; j++) {
            const struct operation *other = &m->services[i].operations[j];
            if (other == o) return;
            check_pair(s, o, &m->services[i], other);
        }
}

/* A list whose path has a parameter is of what refers to that record. */
static void find_parent(const struct model *m, const struct service *s, struct operation *o)
{
    const char *open = o->action == ACTION_LIST ? strchr(o->path, '{') : NULL;
    if (!open) return;
    struct place at = { s->file, o->id };
    const char *name = new_text("%.*s", (int)strcspn(open + 1, "}"), open + 1);
    int p = schema_property(o->resource, name);
    const cJSON *ref = p < 0 ? NULL : o->resource->properties[p].ref;
    o->parent = ref ? stored_in(m, source_get(ref, "table")->valuestring) : NULL;
    if (!o->parent) source_fail(at, "\"%s\" has no field \"%s\" that refers to a resource", o->resource->name, name);
}

void model_check(struct model *m)
{
    for (size_t i = 0; i < m->schema_count; i++) check_schema(m, &m->schemas[i]);
    for (size_t i = 0; i < m->service_count; i++)
        for (size_t j = 0; j < m->services[i].count; j++) {
            check_operation(m, &m->services[i], &m->services[i].operations[j]);
            find_parent(m, &m->services[i], &m->services[i].operations[j]);
        }
}
