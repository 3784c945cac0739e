#include <string.h>

#include "openapi.h"
#include "source.h"

/* --- what each action documents --------------------------------------------------------------------------------- */
enum { MAX_NAMES = 4, MAX_STATUSES = 8 };

/* `reply` is of the REST form; an internal method answers with the whole object, a delete with a boolean. */
static const struct {
    const char *parameters[MAX_NAMES], *reply_headers[MAX_NAMES];
    int statuses[MAX_STATUSES]; /* besides those of every operation */
    enum variant body, reply;
    bool has_body;
} action_docs[] = {
    [ACTION_LIST] = { .reply = AS_PAGE },
    [ACTION_GET] = { { "IfNoneMatch" }, { "ETag" }, { 404 }, .reply = AS_DETAIL },
    [ACTION_CREATE] = { { "IdempotencyKey", "DryRun" },
                        { "Location", "ETag", "IdempotentReplayed" },
                        { 409, 413, 415, 422 },
                        AS_CREATE,
                        AS_CREATED,
                        true },
    [ACTION_UPDATE] = { { "IfMatch", "DryRun" },
                        { "ETag" },
                        { 404, 409, 412, 413, 415, 422, 428 },
                        AS_UPDATE,
                        AS_UPDATED,
                        true },
    [ACTION_DELETE] = { { "IfMatch", "DryRun" }, { NULL }, { 404, 409, 412, 428 }, .reply = AS_UPDATED },
    [ACTION_RESTORE] = { { "IdempotencyKey", "DryRun" },
                         { "ETag", "IdempotentReplayed" },
                         { 404, 409, 422 },
                         .reply = AS_UPDATED },
    [ACTION_CALL] = { { "IdempotencyKey", "IfMatch", "DryRun" },
                      { "ETag", "IdempotentReplayed" },
                      { 404, 409, 412, 422, 428 },
                      .reply = AS_DETAIL },
    [ACTION_CUSTOM] = { .reply = AS_DOCUMENT },
};

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* --- parameters ------------------------------------------------------------------------------------------------- */
static void add_path_parameters(cJSON *list, const struct operation *o)
{
    for (const char *p = strchr(o->path, '{'); p; p = strchr(p + 1, '{')) {
        char *name = new_text("%.*s", (int)strcspn(p + 1, "}"), p + 1);
        int i = o->resource ? schema_property(o->resource, name) : -1;
        cJSON *one = cJSON_CreateObject(), *schema;
        cJSON_AddStringToObject(one, "name", name);
        cJSON_AddStringToObject(one, "in", "path");
        cJSON_AddBoolToObject(one, "required", true);
        if (i >= 0) {
            cJSON_AddStringToObject(one, "description", o->resource->properties[i].title);
            cJSON_AddItemToObject(one, "schema", property_schema(&o->resource->properties[i], IN_QUERY));
            cJSON_AddItemToObject(one, "example", property_example(&o->resource->properties[i]));
        } else {
            schema = cJSON_AddObjectToObject(one, "schema");
            cJSON_AddStringToObject(schema, "type", "string");
        }
        cJSON_AddItemToArray(list, one);
    }
}

static cJSON *query_parameter(const char *name, const char *description, cJSON *schema)
{
    cJSON *one = cJSON_CreateObject();
    cJSON_AddStringToObject(one, "name", name);
    cJSON_AddStringToObject(one, "in", "query");
    cJSON_AddStringToObject(one, "description", description);
    cJSON_AddItemToObject(one, "schema", schema);
    return one;
}

static cJSON *choice_schema(cJSON *choices, const char *fallback)
{
    cJSON *schema = cJSON_CreateObject();
    cJSON_AddStringToObject(schema, "type", "string");
    cJSON_AddItemToObject(schema, "enum", choices);
    if (fallback) cJSON_AddStringToObject(schema, "default", fallback);
    return schema;
}

static void add_sort(cJSON *list, const struct schema *s)
{
    static const char *const orders[] = { "asc", "desc" };
    const char *by = s->properties[s->sort].name, *order = orders[!s->sort_ascending];
    cJSON *fields = cJSON_CreateArray();
    for (size_t i = 0; i < s->count; i++)
        if (s->properties[i].flags & F_SORT) cJSON_AddItemToArray(fields, cJSON_CreateString(s->properties[i].name));
    cJSON_AddItemToArray(list, query_parameter("sort", new_text("排序字段，默认%s", by), choice_schema(fields, by)));
    cJSON_AddItemToArray(list, query_parameter("order", new_text("排序方向，默认%s", order),
                                               choice_schema(json_texts(orders, 2), order)));
}

static char *filter_description(const struct property *p)
{
    const char *note = p->dict ? dict_note(p->dict) : NULL;
    return new_text("按%s过滤%s%s", p->title, note ? "；" : "", note ? note : "");
}

static void add_filters(cJSON *list, const struct schema *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct property *p = &s->properties[i];
        if (!(p->flags & F_FILTER)) continue;
        cJSON_AddItemToArray(list, query_parameter(p->name, filter_description(p), property_schema(p, IN_QUERY)));
    }
}

/* "搜索关键词（客户编码、客户名称…）": the words come from the fields. */
static cJSON *keyword_parameter(const struct schema *s, cJSON *schema)
{
    char *text = new_text("%s", "");
    for (size_t i = 0; i < s->count; i++) {
        const struct property *p = &s->properties[i];
        if (!(p->flags & F_SEARCH)) continue;
        const char *how = p->flags & F_PINYIN ? "（含拼音及首字母）" : p->flags & F_EXACT ? "（须完整）" : "";
        text = new_text("%s%s%s%s", text, *text ? "、" : "", p->title, how);
    }
    return *text ? query_parameter("keyword", new_text("搜索关键词，匹配%s", text), schema) : NULL;
}

/* Of a list that spans a time. */
static void add_span(struct doc *d, cJSON *list)
{
    static const char *const names[] = { "From", "To" };
    for (size_t i = 0; i < 2; i++) cJSON_AddItemToArray(list, doc_fixed(d, "parameters", names[i]));
}

static void add_list_parameters(struct doc *d, cJSON *list, const struct operation *o)
{
    const struct schema *s = o->resource;
    if (o->spans) add_span(d, list);
    cJSON_AddItemToArray(list, doc_fixed(d, "parameters", "Page"));
    cJSON_AddItemToArray(list, doc_fixed(d, "parameters", "Size"));
    cJSON *keyword = keyword_parameter(s, cJSON_Duplicate(source_get(d->base, "keyword"), true));
    if (keyword) cJSON_AddItemToArray(list, keyword);
    add_filters(list, s);
    if (s->dates >= 0) {
        cJSON_AddItemToArray(list, doc_fixed(d, "parameters", "StartDate"));
        cJSON_AddItemToArray(list, doc_fixed(d, "parameters", "EndDate"));
    }
    add_sort(list, s);
    cJSON_AddItemToArray(list, doc_fixed(d, "parameters", "Cursor"));
    cJSON_AddItemToArray(list, doc_fixed(d, "parameters", "Total"));
}

static void add_parameters(struct doc *d, cJSON *document, const struct operation *o)
{
    cJSON *list = cJSON_CreateArray();
    add_path_parameters(list, o);
    if (o->action == ACTION_LIST) add_list_parameters(d, list, o);
    for (int i = 0; i < MAX_NAMES && action_docs[o->action].parameters[i]; i++) {
        const char *name = action_docs[o->action].parameters[i];
        if (o->method == METHOD_POST && is(name, "IfNoneMatch")) continue; /* for GET only, RFC 9110, 13.1.2 */
        cJSON_AddItemToArray(list, doc_fixed(d, "parameters", name));
    }
    if (cJSON_GetArraySize(list))
        cJSON_AddItemToObject(document, "parameters", list);
    else
        cJSON_Delete(list);
}

/* --- bodies ----------------------------------------------------------------------------------------------------- */
static void add_content(cJSON *to, cJSON *schema, cJSON *example)
{
    cJSON *json = cJSON_AddObjectToObject(cJSON_AddObjectToObject(to, "content"), "application/json");
    cJSON_AddItemToObject(json, "schema", schema);
    cJSON_AddItemToObject(json, "example", example);
}

/* An internal method's arguments: {"customerId": ..., "customerDTO": {...}}. */
static cJSON *rpc_schema(struct doc *d, const struct operation *o, cJSON **ret_example)
{
    const cJSON *id = source_get(o->rpc, "id"), *body = source_get(o->rpc, "body"), *field;
    cJSON *schema = cJSON_CreateObject(), *required, *properties;
    cJSON_AddStringToObject(schema, "type", "object");
    cJSON_AddBoolToObject(schema, "additionalProperties", false);
    required = cJSON_AddArrayToObject(schema, "required");
    properties = cJSON_AddObjectToObject(schema, "properties");
    *ret_example = cJSON_CreateObject();
    if (id) {
        const struct property *p = &o->resource->properties[o->resource->id];
        cJSON_AddItemToArray(required, cJSON_CreateString(id->valuestring));
        cJSON_AddItemToObject(properties, id->valuestring, property_schema(p, IN_QUERY));
        cJSON_AddItemToObject(*ret_example, id->valuestring, property_example(p));
    }
    if (body) {
        enum variant as = o->action == ACTION_CUSTOM ? AS_CREATE : action_docs[o->action].body;
        cJSON_AddItemToArray(required, cJSON_CreateString(body->valuestring));
        cJSON_AddItemToObject(properties, body->valuestring, doc_schema(d, o->resource, as));
        cJSON_AddItemToObject(*ret_example, body->valuestring, schema_example(o->resource, as));
    }
    cJSON_ArrayForEach(field, source_get(o->rpc, "fields"))
    {
        const struct property *p = &o->request->properties[schema_property(o->request, field->valuestring)];
        if (p->flags & F_REQUIRED) cJSON_AddItemToArray(required, cJSON_CreateString(field->string));
        cJSON_AddItemToObject(properties, field->string, property_schema(p, IN_REQUEST));
        cJSON_AddItemToObject(*ret_example, field->string, property_example(p));
    }
    return schema;
}

static bool requires_something(const struct schema *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->properties[i].flags & F_REQUIRED) return true;
    return false;
}

static void add_request(struct doc *d, cJSON *document, const struct operation *o)
{
    const struct schema *s = o->request ? o->request : action_docs[o->action].has_body ? o->resource : NULL;
    enum variant as = o->request ? AS_CREATE : action_docs[o->action].body;
    if (!s && !o->rpc) return;
    cJSON *request = cJSON_AddObjectToObject(document, "requestBody"), *example = NULL;
    cJSON *schema = o->rpc ? rpc_schema(d, o, &example) : doc_schema(d, s, as);
    cJSON_AddBoolToObject(request, "required", o->action != ACTION_CALL || o->rpc || requires_something(s));
    add_content(request, schema, o->rpc ? example : schema_example(s, as));
}

/* --- replies ---------------------------------------------------------------------------------------------------- */
static cJSON *array_of(cJSON *items)
{
    cJSON *schema = cJSON_CreateObject();
    cJSON_AddStringToObject(schema, "type", "array");
    cJSON_AddItemToObject(schema, "items", items);
    return schema;
}

static cJSON *boolean_schema(cJSON **ret_example)
{
    cJSON *schema = cJSON_CreateObject();
    cJSON_AddStringToObject(schema, "type", "boolean");
    *ret_example = cJSON_CreateTrue();
    return schema;
}

static cJSON *data_schema(struct doc *d, const struct operation *o, cJSON **ret_example)
{
    const struct schema *s = o->response ? o->response : o->resource;
    if (!s || (operation_is_internal(o) && o->action == ACTION_DELETE)) return boolean_schema(ret_example);
    enum variant as = operation_is_internal(o) ? AS_DETAIL : action_docs[o->action].reply;
    *ret_example = schema_example(s, as);
    if (!o->response_is_list) return doc_schema(d, s, as);
    cJSON *list = cJSON_CreateArray();
    cJSON_AddItemToArray(list, *ret_example);
    *ret_example = list;
    return array_of(doc_schema(d, s, as));
}

static cJSON *envelope_schema(cJSON *data, cJSON **example)
{
    static const char *const names[] = { "code", "message", "data" };
    cJSON *schema = cJSON_CreateObject(), *envelope = cJSON_CreateObject(), *one;
    cJSON_AddStringToObject(schema, "type", "object");
    cJSON_AddItemToObject(schema, "required", json_texts(names, 3));
    cJSON *properties = cJSON_AddObjectToObject(schema, "properties");
    one = cJSON_AddObjectToObject(properties, "code");
    cJSON_AddStringToObject(one, "type", "integer");
    cJSON_AddNumberToObject(envelope, "code", 200);
    one = cJSON_AddObjectToObject(properties, "message");
    cJSON_AddStringToObject(one, "type", "string");
    cJSON_AddStringToObject(envelope, "message", "success");
    cJSON_AddItemToObject(properties, "data", data);
    cJSON_AddItemToObject(envelope, "data", *example);
    *example = envelope;
    return schema;
}

/* Component names have no '-'. */
static const char *header_name(const char *component)
{
    static const struct {
        const char *component, *header;
    } names[] = { { "IdempotentReplayed", "Idempotent-Replayed" }, { "XRequestId", "X-Request-Id" } };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is(component, names[i].component)) return names[i].header;
    return component;
}

static void add_header(struct doc *d, cJSON *headers, const char *component)
{
    cJSON_AddItemToObject(headers, header_name(component), doc_fixed(d, "headers", component));
}

static void add_success(struct doc *d, cJSON *responses, const struct operation *o)
{
    cJSON *example, *data = data_schema(d, o, &example);
    cJSON *response = cJSON_AddObjectToObject(responses, "200");
    cJSON_AddStringToObject(response, "description", "成功");
    cJSON *headers = cJSON_AddObjectToObject(response, "headers");
    add_header(d, headers, "XRequestId");
    for (int i = 0; i < MAX_NAMES && action_docs[o->action].reply_headers[i]; i++)
        add_header(d, headers, action_docs[o->action].reply_headers[i]);
    if (!o->no_envelope) data = envelope_schema(data, &example);
    add_content(response, data, example);
    if (o->action != ACTION_GET || o->method != METHOD_GET) return;
    response = cJSON_AddObjectToObject(responses, "304");
    cJSON_AddStringToObject(response, "description", "与 If-None-Match 相同，没有变化");
}

static bool may_answer(const struct operation *o, int status)
{
    bool is_public = is(o->permission, "public");
    if (status == 401) return !is_public || o->rate == RATE_LOGIN;
    if (status == 403) return !is_public && !is(o->permission, "authenticated");
    if (status == 404 && (o->action == ACTION_CUSTOM || o->action == ACTION_LIST)) return strchr(o->path, '{');
    if (status == 422 && o->action == ACTION_CUSTOM) return o->request && !is_public;
    if (status == 413 || status == 415) return o->request || o->rpc || action_docs[o->action].has_body;
    for (int i = 0; i < MAX_STATUSES; i++)
        if (action_docs[o->action].statuses[i] == status) return true;
    return status == 400 || status == 429 || status == 500 || status == 503 || status == 504;
}

static void add_responses(struct doc *d, cJSON *document, const struct operation *o)
{
    cJSON *responses = cJSON_AddObjectToObject(document, "responses");
    add_success(d, responses, o);
    for (int status = 400; status < 600; status++)
        if (may_answer(o, status)) cJSON_AddItemToObject(responses, new_text("%d", status), doc_error(d, status));
    cJSON_AddItemToObject(responses, "default", doc_error(d, 0));
}

/* --- an operation ----------------------------------------------------------------------------------------------- */
static const char *permission_note(const struct operation *o)
{
    if (is(o->permission, "public")) return "无需登录";
    if (is(o->permission, "authenticated")) return "登录即可";
    return new_text("需要权限 `%s`", o->permission);
}

static const char *degraded_note(const struct operation *o)
{
    bool is_stale = o->degraded == DEGRADED_STALE;
    return is_stale ? "服务不可用时，网关返回最近一次成功的结果，并带有 `X-Degraded: stale` 与 `Age`。" : "";
}

cJSON *operation_document(struct doc *d, const struct operation *o)
{
    cJSON *document = cJSON_CreateObject();
    cJSON_AddItemToObject(document, "tags", json_texts(&o->tag, 1));
    cJSON_AddStringToObject(document, "summary", o->summary);
    cJSON_AddStringToObject(document, "description",
                            new_text("%s%s%s。%s自 %s 版起提供。", o->description ? o->description : "",
                                     o->description ? "\n\n" : "", permission_note(o), degraded_note(o), o->since));
    cJSON_AddStringToObject(document, "operationId", o->id);
    if (o->deprecated) cJSON_AddBoolToObject(document, "deprecated", true);
    if (is(o->permission, "public")) cJSON_AddArrayToObject(document, "security");
    add_parameters(d, document, o);
    add_request(d, document, o);
    add_responses(d, document, o);
    return document;
}
