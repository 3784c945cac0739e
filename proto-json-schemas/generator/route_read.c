#include <ctype.h>
#include <string.h>

#include "base/limits.h"
#include "model.h"
#include "source.h"

static const char permissions_file[] = "permissions.json";

/* --- small vocabularies ----------------------------------------------------------------------------------------- */
static const char *const methods[METHOD_COUNT + 1] = {
    [METHOD_GET] = "GET",     [METHOD_HEAD] = "HEAD",     [METHOD_POST] = "POST",       [METHOD_PUT] = "PUT",
    [METHOD_PATCH] = "PATCH", [METHOD_DELETE] = "DELETE", [METHOD_OPTIONS] = "OPTIONS",
};
static const char *const rates[] = {
    [RATE_READ] = "read",     [RATE_WRITE] = "write",       [RATE_LOGIN] = "login",
    [RATE_REPORT] = "report", [RATE_INTERNAL] = "internal", NULL,
};
static const char *const actions[] = {
    [ACTION_LIST] = "list",
    [ACTION_GET] = "get",
    [ACTION_CREATE] = "create",
    [ACTION_UPDATE] = "update",
    [ACTION_DELETE] = "delete",
    [ACTION_RESTORE] = "restore",
    [ACTION_CALL] = "call",
    NULL,
};

static int need_word(struct place at, const cJSON *row, const char *key, const char *const *words)
{
    const char *word = source_text(at, row, key);
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], word) == 0) return i;
    source_fail(at, "unknown %s \"%s\"", key, word);
}

/* --- permissions ------------------------------------------------------------------------------------------------ */
/* Permissions are a dictionary too: what roles may hold is checked, and shown, as any enumeration. */
static cJSON *permission_entry(const cJSON *p)
{
    cJSON *entry = cJSON_CreateObject();
    cJSON_AddStringToObject(entry, "const", p->string);
    cJSON_AddStringToObject(entry, "title", p->valuestring);
    return entry;
}

void model_read_permissions(struct model *m, const char *folder)
{
    cJSON *json = source_read(folder, permissions_file), *entries = cJSON_CreateArray();
    const cJSON *p;
    cJSON_ArrayForEach(p, json)
    {
        struct place at = { permissions_file, p->string };
        if (!cJSON_IsString(p)) source_fail(at, "needs a description");
        if (strcmp(p->string, "public") == 0 || strcmp(p->string, "authenticated") == 0) source_fail(at, "is built in");
        if (!strchr(p->string, ':')) source_fail(at, "is not \"<resource>:<verb>\"");
        if (source_get(json, p->string) != p) source_fail(at, "is given twice");
        if (p->next && strcmp(p->string, p->next->string) > 0) source_fail(at, "is not in alphabetical order");
        cJSON_AddItemToArray(entries, permission_entry(p));
    }
    m->permissions = json;
    model_add_dict(m, (struct dict){ "permission", "权限", entries });
}

static const char *read_permission(const struct model *m, struct place at, const cJSON *row)
{
    if (!source_get(row, "permission")) source_fail(at, "has no permission");
    const char *name = source_text(at, row, "permission");
    if (strcmp(name, "public") == 0 || strcmp(name, "authenticated") == 0) return name;
    if (!source_get(m->permissions, name)) source_fail(at, "unknown permission \"%s\"", name);
    return name;
}

/* --- one operation ---------------------------------------------------------------------------------------------- */
static struct schema *read_schema(const struct model *m, struct place at, const cJSON *row, const char *key)
{
    const char *name = source_text_or(at, row, key, NULL);
    if (!name) return NULL;
    struct schema *s = model_schema(m, name);
    if (!s) source_fail(at, "unknown %s \"%s\"", key, name);
    return s;
}

/* "response": "dictionary", or ["dictionary"] for an array of them. */
static void read_response(const struct model *m, struct place at, struct operation *o, const cJSON *row)
{
    const cJSON *response = source_get(row, "response");
    o->response_is_list = cJSON_IsArray(response);
    if (!o->response_is_list) {
        o->response = read_schema(m, at, row, "response");
        return;
    }
    const cJSON *name = cJSON_GetArrayItem(response, 0);
    if (cJSON_GetArraySize(response) != 1 || !cJSON_IsString(name)) source_fail(at, "response must be [\"<schema>\"]");
    o->response = model_schema(m, name->valuestring);
    if (!o->response) source_fail(at, "unknown response \"%s\"", name->valuestring);
}

static void read_handler(const struct model *m, struct place at, struct operation *o, const cJSON *row)
{
    bool has_action = source_get(row, "action"), has_handler = source_get(row, "handler");
    if (!has_action && !has_handler) source_fail(at, "needs an action or a handler");
    o->resource = read_schema(m, at, row, "resource");
    o->request = read_schema(m, at, row, "request");
    read_response(m, at, o, row);
    if (o->request) o->request->has_table = true;
    o->action = has_action ? (enum action)need_word(at, row, "action", actions) : ACTION_CUSTOM;
    o->own_handler = has_handler;
    o->handler = has_handler ? source_text(at, row, "handler") : new_text("rest_%s", actions[o->action]);
    if (!has_action) return;
    if (!o->resource) source_fail(at, "an action needs a resource");
    bool has_request = o->request && !has_handler && o->action != ACTION_CALL;
    if (o->response || has_request) source_fail(at, "an action has no request or response of its own");
}

/* Names that go into SQL as they are. */
static const char *read_function(struct place at, const cJSON *row, const char *key)
{
    const char *name = source_text_or(at, row, key, NULL);
    for (const char *p = name; p && *p; p++)
        if (!islower((unsigned char)*p) && *p != '_') source_fail(at, "%s holds \"%c\"", key, *p);
    return name;
}

static void read_functions(struct place at, struct operation *o, const cJSON *row)
{
    o->procedure = read_function(at, row, "procedure");
    if ((o->action == ACTION_CALL) != (o->procedure != NULL)) source_fail(at, "\"procedure\" and the action \"call\" go together");
    if (o->procedure && o->method != METHOD_POST) source_fail(at, "a procedure is called by POST");
    o->only = read_function(at, row, "only");
    o->spans = source_bool_or(at, row, "spans", false);
    if (o->only && o->action != ACTION_LIST) source_fail(at, "\"only\" is of a list");
    if (o->spans && !o->only) source_fail(at, "\"spans\" needs \"only\"");
}

static const cJSON *read_rpc(struct place at, const cJSON *row)
{
    static const char *const keys[] = { "id", "body", "fields", NULL };
    const cJSON *rpc = source_get(row, "rpc");
    if (!rpc) return NULL;
    source_keys(at, source_object(at, row, "rpc"), keys);
    source_text_or(at, rpc, "id", NULL);
    source_text_or(at, rpc, "body", NULL);
    const cJSON *fields = source_get(rpc, "fields"), *field;
    cJSON_ArrayForEach(field, fields) source_text(at, fields, field->string);
    return rpc;
}

static enum degraded read_degraded(struct place at, const cJSON *row)
{
    const char *word = source_text_or(at, row, "degraded", NULL);
    if (!word) return DEGRADED_NONE;
    if (strcmp(word, "stale") != 0) source_fail(at, "\"degraded\" is not \"stale\"");
    return DEGRADED_STALE;
}

static void check_path(struct place at, const struct operation *o)
{
    bool internal = strncmp(o->path, "/internal/v1/", 13) == 0;
    if (!internal && strncmp(o->path, "/api/v1/", 8) != 0)
        source_fail(at, "path is under neither /api/v1/ nor /internal/v1/");
    if (internal != operation_is_internal(o)) source_fail(at, "rate \"internal\" and /internal/ go together");
    int parameters = 0;
    for (const char *p = o->path; *p; p++) {
        parameters += *p == '{';
        if (!isalnum((unsigned char)*p) && !strchr("/{}_-", *p)) source_fail(at, "path holds \"%c\"", *p);
    }
    if (parameters > LIMIT_PATH_PARAMS) source_fail(at, "path has more than %d parameters", LIMIT_PATH_PARAMS);
}

static struct operation read_operation(const struct model *m, const char *file, const cJSON *row)
{
    static const char *const keys[] = { "method",  "path",     "operationId", "summary", "description",
                                        "tag",     "resource", "action",      "handler", "permission",
                                        "rate",    "audited",  "timeout_ms",  "since",   "deprecated",
                                        "request", "response", "envelope",    "rpc",     "body_max",
                                        "degraded", "procedure", "only",      "spans",   NULL };
    struct place at = { file, source_text((struct place){ file, "a route" }, row, "operationId") };
    source_keys(at, row, keys);
    struct operation o = {
        .method = (enum method)need_word(at, row, "method", methods),
        .path = source_text(at, row, "path"),
        .id = at.what,
        .summary = source_text(at, row, "summary"),
        .description = source_text_or(at, row, "description", NULL),
        .tag = source_text(at, row, "tag"),
        .permission = read_permission(m, at, row),
        .rate = (enum rate_class)need_word(at, row, "rate", rates),
        .audited = source_bool(at, row, "audited"),
        .timeout_ms = source_int(at, row, "timeout_ms"),
        .body_max = source_int_or(at, row, "body_max", 0),
        .degraded = read_degraded(at, row),
        .since = source_text(at, row, "since"),
        .deprecated = source_bool_or(at, row, "deprecated", false),
        .no_envelope = !source_bool_or(at, row, "envelope", true),
        .rpc = read_rpc(at, row),
    };
    if (o.timeout_ms <= 0) source_fail(at, "timeout_ms must be positive");
    if (o.body_max < 0) source_fail(at, "body_max must be positive");
    if (o.degraded == DEGRADED_STALE && o.method != METHOD_GET) source_fail(at, "only what GET answers can be stale");
    check_path(at, &o);
    read_handler(m, at, &o, row);
    read_functions(at, &o, row);
    return o;
}

/* --- a service -------------------------------------------------------------------------------------------------- */
static char *symbol_of(const char *name)
{
    char *symbol = new_text("%s", name);
    for (char *p = symbol; *p; p++)
        if (*p == '-') *p = '_';
    return symbol;
}

static struct service read_service(const struct model *m, const char *folder, const char *file)
{
    static const char *const keys[] = { "service", "title", "version", "port", "routes", NULL };
    const cJSON *json = source_read(folder, file), *row;
    struct place at = { file, NULL };
    source_keys(at, json, keys);
    const cJSON *rows = source_array(at, json, "routes");
    struct service s = {
        .name = source_text(at, json, "service"),
        .file = file,
        .title = source_text(at, json, "title"),
        .version = source_text(at, json, "version"),
        .port = source_int(at, json, "port"),
        .operations = new_array((size_t)cJSON_GetArraySize(rows), sizeof *s.operations),
    };
    if (strcmp(file, new_text("%s.routes.json", s.name)) != 0) source_fail(at, "\"service\" is not the file's name");
    s.symbol = symbol_of(s.name);
    cJSON_ArrayForEach(row, rows) s.operations[s.count++] = read_operation(m, file, row);
    return s;
}

void model_read_services(struct model *m, const char *folder)
{
    char **files;
    size_t n = source_list(folder, ".routes.json", &files);
    m->services = new_array(n, sizeof *m->services);
    for (size_t i = 0; i < n; i++) m->services[m->service_count++] = read_service(m, folder, files[i]);
}
