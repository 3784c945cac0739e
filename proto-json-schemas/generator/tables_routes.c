#include <string.h>

#include "out.h"
#include "source.h"
#include "tables.h"

static const char banner[] = "/* Generated from proto-json-schemas. Do not edit. */\n";

/* "customer-service" -> "SERVICE_CUSTOMER" */
static char *service_enum(const struct service *s)
{
    size_t n = strlen(s->name), tail = strlen("-service");
    bool plain = n > tail && strcmp(s->name + n - tail, "-service") == 0;
    char *base = new_text("%.*s", (int)(plain ? n - tail : n), s->name);
    return new_text("SERVICE_%s", upper_symbol(base));
}

/* --- permissions and services ----------------------------------------------------------------------------------- */
void tables_write_permissions(const struct model *m, const char *folder)
{
    struct out o;
    const cJSON *p;
    out_open(&o, folder, "permissions.h");
    fprintf(o.to, "%s#ifndef GEN_PERMISSIONS_H\n#define GEN_PERMISSIONS_H\n\n#include \"base/str.h\"\n\n", banner);
    fputs("enum permission {\n    PERM_PUBLIC,        /* no token needed */\n"
          "    PERM_AUTHENTICATED, /* any valid token */\n",
          o.to);
    cJSON_ArrayForEach(p, m->permissions)
        fprintf(o.to, "    PERM_%s, /* %s */\n", upper_symbol(p->string), p->valuestring);
    fputs("    PERM_COUNT\n};\nextern const struct str permission_names[PERM_COUNT];\n\nenum service_id {\n", o.to);
    for (size_t i = 0; i < m->service_count; i++) fprintf(o.to, "    %s,\n", service_enum(&m->services[i]));
    fputs("    SERVICE_COUNT\n};\nextern const struct str service_names[SERVICE_COUNT];\n\n#endif\n", o.to);
    out_close(&o);
}

void tables_print_permissions(FILE *to, const struct model *m)
{
    const cJSON *p;
    fputs("\nconst struct str permission_names[PERM_COUNT] = {\n    [PERM_PUBLIC] = STR(\"public\"),\n"
          "    [PERM_AUTHENTICATED] = STR(\"authenticated\"),\n",
          to);
    cJSON_ArrayForEach(p, m->permissions)
        fprintf(to, "    [PERM_%s] = STR(\"%s\"),\n", upper_symbol(p->string), p->string);
    fputs("};\n\nconst struct str service_names[SERVICE_COUNT] = {\n", to);
    for (size_t i = 0; i < m->service_count; i++)
        fprintf(to, "    [%s] = STR(\"%s\"),\n", service_enum(&m->services[i]), m->services[i].name);
    fputs("};\n", to);
}

/* --- rows ------------------------------------------------------------------------------------------------------- */
static const char *const method_symbols[METHOD_COUNT] = {
    [METHOD_GET] = "METHOD_GET",         [METHOD_HEAD] = "METHOD_HEAD",   [METHOD_POST] = "METHOD_POST",
    [METHOD_PUT] = "METHOD_PUT",         [METHOD_PATCH] = "METHOD_PATCH", [METHOD_DELETE] = "METHOD_DELETE",
    [METHOD_OPTIONS] = "METHOD_OPTIONS",
};
static const char *const rate_symbols[] = {
    [RATE_READ] = "RATE_READ",     [RATE_WRITE] = "RATE_WRITE",       [RATE_LOGIN] = "RATE_LOGIN",
    [RATE_REPORT] = "RATE_REPORT", [RATE_INTERNAL] = "RATE_INTERNAL",
};

/* Inside a compound literal STR would be no constant: its two members are spelled out. */
static void print_slice(FILE *to, const char *text)
{
    fprintf(to, "{ \"%s\", %zu }", text, strlen(text));
}

static void print_rpc_fields(FILE *to, const cJSON *fields)
{
    const cJSON *field;
    const char *between = "";
    fputs(".fields = (const struct rpc_field[]){ ", to);
    cJSON_ArrayForEach(field, fields)
    {
        fprintf(to, "%s{ ", between);
        print_slice(to, field->string), fputs(", ", to), print_slice(to, field->valuestring);
        fputs(" }", to);
        between = ", ";
    }
    fprintf(to, " }, .field_count = %d", cJSON_GetArraySize(fields));
}

static void print_rpc(FILE *to, const cJSON *rpc)
{
    const cJSON *argument;
    const char *between = "";
    fputs(",\n      .rpc = &(const struct rpc){ ", to);
    cJSON_ArrayForEach(argument, rpc)
    {
        fputs(between, to);
        if (cJSON_IsObject(argument)) print_rpc_fields(to, argument);
        else fprintf(to, ".%s = ", argument->string), print_slice(to, argument->valuestring);
        between = ", ";
    }
    fputs(" }", to);
}

static void print_row(FILE *to, const struct service *s, const struct operation *o, bool bare)
{
    fprintf(to, "    { .method = %s, .path = STR(\"%s\"), .operation = STR(\"%s\"),\n", method_symbols[o->method],
            o->path, o->id);
    if (!bare) fprintf(to, "      .handler = %s,%s", o->handler, o->resource ? "" : "\n");
    if (!bare && o->resource) fprintf(to, " .resource = &%s_resource,\n", o->resource->name);
    if (!bare && o->parent) fprintf(to, "      .parent = &%s_resource,\n", o->parent->name);
    if (!bare && o->procedure) fprintf(to, "      .procedure = \"%s\",\n", o->procedure);
    if (!bare && o->only) fprintf(to, "      .only = \"%s\", .spans = %s,\n", o->only, o->spans ? "true" : "false");
    if (!bare && o->resource && o->request) fprintf(to, "      .request = &%s_resource,\n", o->request->name);
    fprintf(to, "      .permission = PERM_%s, .service = %s, .rate = %s,\n", upper_symbol(o->permission),
            service_enum(s), rate_symbols[o->rate]);
    fprintf(to, "      .audited = %s, .timeout_ms = %d", o->audited ? "true" : "false", o->timeout_ms);
    if (o->body_max) fprintf(to, ", .body_max = %d", o->body_max);
    if (o->degraded == DEGRADED_STALE) fputs(", .degraded = DEGRADED_STALE", to);
    if (!bare && o->rpc) print_rpc(to, o->rpc);
    fputs(" },\n", to);
}

/* --- one table per service -------------------------------------------------------------------------------------- */
static bool is_first_use(const struct service *s, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (strcmp(s->operations[j].handler, s->operations[i].handler) == 0) return false;
    return true;
}

static void write_service_header(const struct service *s, const char *folder)
{
    struct out o;
    char *guard = upper_symbol(s->name);
    out_open(&o, folder, new_text("%s_routes.h", s->name));
    fprintf(o.to, "%s#ifndef GEN_%s_ROUTES_H\n#define GEN_%s_ROUTES_H\n\n#include \"http/route.h\"\n\n", banner, guard,
            guard);
    fprintf(o.to,
            "/* %s */\nextern const struct route_table %s_routes;\nextern const struct str %s_openapi; /* JSON */\n",
            s->title, s->symbol, s->symbol);
    for (size_t i = 0; i < s->count; i++)
        if (s->operations[i].own_handler && is_first_use(s, i))
            fprintf(o.to, "\n/* %s */\nvoid %s(struct req *r);\n", s->operations[i].summary, s->operations[i].handler);
    fputs("\n#endif\n", o.to);
    out_close(&o);
}

static bool has_resource(const struct service *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->operations[i].resource) return true;
    return false;
}

static void write_service(const struct service *s, const char *folder)
{
    struct out o;
    write_service_header(s, folder);
    out_open(&o, folder, new_text("%s_routes.c", s->name));
    fprintf(o.to, "%s#include \"%s_routes.h\"\n\n#include \"permissions.h\"\n", banner, s->name);
    if (has_resource(s)) fputs("#include \"rest/rest.h\"\n#include \"schemas.h\"\n", o.to);
    fprintf(o.to, "\nstatic const struct route %s_rows[] = {\n", s->symbol);
    for (size_t i = 0; i < s->count; i++) print_row(o.to, s, &s->operations[i], false);
    fprintf(o.to, "};\nconst struct route_table %s_routes = { %s_rows, %zu };\n", s->symbol, s->symbol, s->count);
    out_close(&o);
}

/* --- the gateway's registry ------------------------------------------------------------------------------------- */
static size_t print_public(FILE *to, const struct service *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (operation_is_internal(&s->operations[i])) continue;
        print_row(to, s, &s->operations[i], true);
        n++;
    }
    return n;
}

static void write_registry(const struct model *m, const char *folder)
{
    struct out h, c;
    size_t n = 0;
    out_open(&h, folder, "registry.h");
    fprintf(h.to, "%s#ifndef GEN_REGISTRY_H\n#define GEN_REGISTRY_H\n\n#include \"http/route.h\"\n\n", banner);
    fputs("/* The public operations of all services, without handlers. */\nextern const struct route_table "
          "registry;\n\n#endif\n",
          h.to);
    out_close(&h);
    out_open(&c, folder, "registry.c");
    fprintf(
        c.to,
        "%s#include \"registry.h\"\n\n#include \"permissions.h\"\n\nstatic const struct route registry_rows[] = {\n",
        banner);
    for (size_t i = 0; i < m->service_count; i++) n += print_public(c.to, &m->services[i]);
    fprintf(c.to, "};\nconst struct route_table registry = { registry_rows, %zu };\n", n);
    out_close(&c);
}

void tables_write_routes(const struct model *m, const char *folder)
{
    for (size_t i = 0; i < m->service_count; i++) write_service(&m->services[i], folder);
    write_registry(m, folder);
}
