#include "openapi.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "out.h"
#include "source.h"

static const char base_file[] = "openapi.base.json";

/* --- components ------------------------------------------------------------------------------------------------- */
bool doc_has(const struct doc *d, const char *section, const char *name)
{
    return source_get(source_get(d->components, section), name);
}

void doc_add(struct doc *d, const char *section, const char *name, cJSON *component)
{
    cJSON_AddItemToObject(cJSON_GetObjectItemCaseSensitive(d->components, section), name, component);
}

cJSON *doc_ref(const char *section, const char *name)
{
    cJSON *ref = cJSON_CreateObject();
    cJSON_AddStringToObject(ref, "$ref", new_text("#/components/%s/%s", section, name));
    return ref;
}

cJSON *doc_fixed(struct doc *d, const char *section, const char *name)
{
    if (!doc_has(d, section, name)) {
        struct place at = { base_file, section };
        doc_add(d, section, name, cJSON_Duplicate(source_object(at, source_object(at, d->base, section), name), true));
    }
    return doc_ref(section, name);
}

cJSON *json_texts(const char *const *texts, size_t count)
{
    return cJSON_CreateStringArray((const char **)(uintptr_t)texts, (int)count);
}

/* --- the document ----------------------------------------------------------------------------------------------- */
static void add_info(struct doc *d)
{
    const struct service *s = d->service;
    struct place at = { base_file, NULL };
    cJSON *info = cJSON_AddObjectToObject(d->root, "info");
    cJSON_AddStringToObject(info, "title", new_text("%s（%s）", s->title, s->name));
    cJSON_AddStringToObject(info, "description", source_text(at, d->base, "description"));
    cJSON_AddStringToObject(info, "version", s->version);
    cJSON *servers = cJSON_AddArrayToObject(d->root, "servers"), *direct = cJSON_CreateObject();
    cJSON_AddItemToArray(servers, cJSON_Duplicate(source_object(at, d->base, "gateway"), true));
    cJSON_AddItemToArray(servers, direct);
    cJSON_AddStringToObject(direct, "url", new_text("http://localhost:%d", s->port));
    cJSON_AddStringToObject(direct, "description", "直连服务（仅限内部）");
}

static void add_tags(struct doc *d)
{
    cJSON *tags = cJSON_AddArrayToObject(d->root, "tags"), *seen = cJSON_CreateObject();
    for (size_t i = 0; i < d->service->count; i++) {
        const char *name = d->service->operations[i].tag;
        if (source_get(seen, name)) continue;
        cJSON_AddTrueToObject(seen, name);
        cJSON *tag = cJSON_CreateObject();
        cJSON_AddStringToObject(tag, "name", name);
        if (strcmp(name, "internal") == 0) cJSON_AddStringToObject(tag, "description", "内部服务接口，不经过网关");
        cJSON_AddItemToArray(tags, tag);
    }
    cJSON_Delete(seen);
}

static const char *const method_keys[METHOD_COUNT] = {
    [METHOD_GET] = "get",     [METHOD_HEAD] = "head",     [METHOD_POST] = "post",       [METHOD_PUT] = "put",
    [METHOD_PATCH] = "patch", [METHOD_DELETE] = "delete", [METHOD_OPTIONS] = "options",
};

static void add_paths(struct doc *d)
{
    cJSON *paths = cJSON_AddObjectToObject(d->root, "paths");
    for (size_t i = 0; i < d->service->count; i++) {
        const struct operation *o = &d->service->operations[i];
        cJSON *path = cJSON_GetObjectItemCaseSensitive(paths, o->path);
        if (!path) path = cJSON_AddObjectToObject(paths, o->path);
        cJSON_AddItemToObject(path, method_keys[o->method], operation_document(d, o));
    }
}

static void add_security(struct doc *d)
{
    cJSON *security = cJSON_AddArrayToObject(d->root, "security"), *bearer = cJSON_CreateObject();
    cJSON_AddArrayToObject(bearer, "bearer");
    cJSON_AddItemToArray(security, bearer);
    doc_fixed(d, "securitySchemes", "bearer");
}

static cJSON *service_document(const struct model *m, const struct service *s, const cJSON *base)
{
    static const char *const sections[] = { "securitySchemes", "parameters", "headers", "schemas", "responses" };
    struct doc d = { m, s, base, cJSON_CreateObject(), cJSON_CreateObject() };
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) cJSON_AddObjectToObject(d.components, sections[i]);
    cJSON_AddStringToObject(d.root, "openapi", "3.0.3");
    add_info(&d);
    add_tags(&d);
    add_security(&d);
    add_paths(&d);
    cJSON_AddItemToObject(d.root, "components", d.components);
    return d.root;
}

/* --- files ------------------------------------------------------------------------------------------------------ */
/* Limits are the program's; the base document does not repeat them. */
const cJSON *openapi_read_base(const char *folder)
{
    static const char *const keys[] = { "description", "gateway", "keyword", "securitySchemes",
                                        "parameters",  "headers", "schemas", NULL };
    cJSON *base = source_read(folder, base_file);
    struct place at = { base_file, NULL };
    source_keys(at, base, keys);
    const cJSON *size = source_object(at, source_object(at, base, "parameters"), "Size");
    cJSON_AddNumberToObject(cJSON_GetObjectItemCaseSensitive(size, "schema"), "maximum", LIMIT_PAGE_SIZE);
    source_object(at, base, "keyword");
    cJSON_AddNumberToObject(cJSON_GetObjectItemCaseSensitive(base, "keyword"), "maxLength", LIMIT_KEYWORD);
    return base;
}

static void write_embedded(const struct service *s, const char *folder, char *text)
{
    struct out o;
    out_open(&o, folder, new_text("%s_openapi.c", s->name));
    fprintf(o.to, "/* Generated from proto-json-schemas. Do not edit. */\n#include \"%s_routes.h\"\n\n", s->name);
    fprintf(o.to, "static const char %s_text[] =", s->symbol);
    for (char *line = text, *end; *line; line = end) {
        end = line + strcspn(line, "\n");
        if (*end) end++;
        fputs("\n    ", o.to);
        out_literal(o.to, new_text("%.*s", (int)(end - line), line));
    }
    fprintf(o.to, ";\nconst struct str %s_openapi = { %s_text, sizeof %s_text - 1 };\n", s->symbol, s->symbol,
            s->symbol);
    out_close(&o);
}

void openapi_write(const struct model *m, const cJSON *base, const char *gen_folder, const char *openapi_folder)
{
    for (size_t i = 0; i < m->service_count; i++) {
        const struct service *s = &m->services[i];
        struct out o;
        out_open(&o, openapi_folder, new_text("%s.json", s->name));
        json_print(o.to, service_document(m, s, base));
        fflush(o.to);
        write_embedded(s, gen_folder, o.text);
        out_close(&o);
    }
}
