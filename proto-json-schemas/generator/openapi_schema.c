#include <ctype.h>
#include <string.h>

#include "openapi.h"
#include "source.h"

/* --- representations of a resource ------------------------------------------------------------------------------ */
static const struct {
    const char *suffix, *title;
    enum view view;
} variants[] = {
    [AS_DETAIL] = { "", "详情", VIEW_DETAIL },
    [AS_LIST_ITEM] = { "ListItem", "列表项", VIEW_LIST },
    [AS_CREATED] = { "Created", "创建结果", VIEW_CREATED },
    [AS_UPDATED] = { "Updated", "更新结果", VIEW_UPDATED },
    [AS_CREATE] = { "Create", "创建请求", VIEW_DETAIL },
    [AS_UPDATE] = { "Update", "更新请求", VIEW_DETAIL },
    [AS_PAGE] = { "Page", "分页", VIEW_LIST },
    [AS_DOCUMENT] = { "", "", VIEW_DETAIL },
};

static bool is_body(enum variant as)
{
    return as == AS_CREATE || as == AS_UPDATE;
}

static char *component_name(const struct schema *s, enum variant as)
{
    char *name = new_text("%s%s", s->name, s->sql_table ? variants[as].suffix : ""), *to = name;
    bool upper = true;
    for (const char *p = name; *p; p++) {
        if (*p != '_') *to++ = upper ? (char)toupper((unsigned char)*p) : *p;
        upper = *p == '_';
    }
    *to = '\0';
    return name;
}

static cJSON *object_schema(const struct schema *s, enum variant as)
{
    struct field_view v = is_body(as) ? schema_whole(s) : s->views[variants[as].view];
    cJSON *schema = cJSON_CreateObject(), *required = cJSON_CreateArray();
    cJSON_AddStringToObject(schema, "title", s->sql_table ? new_text("%s%s", s->title, variants[as].title) : s->title);
    cJSON_AddStringToObject(schema, "type", "object");
    if (as == AS_UPDATE)
        cJSON_AddStringToObject(schema, "description", "未提供的字段不变，null 表示清空；只读字段可原样带回，会被忽略");
    if (as == AS_CREATE) cJSON_AddBoolToObject(schema, "additionalProperties", false);
    cJSON_AddItemToObject(schema, "required", required);
    cJSON *properties = cJSON_AddObjectToObject(schema, "properties");
    for (size_t i = 0; i < v.count; i++) {
        const struct property *p = &s->properties[v.at[i]];
        if (is_body(as) && (p->flags & F_READONLY)) continue;
        cJSON *one = property_schema(p, is_body(as) ? IN_REQUEST : IN_REPLY);
        if (as == AS_UPDATE) cJSON_DeleteItemFromObjectCaseSensitive(one, "default");
        cJSON_AddItemToObject(properties, p->name, one);
        if (as == AS_UPDATE || (as == AS_CREATE && !(p->flags & F_REQUIRED))) continue;
        cJSON_AddItemToArray(required, cJSON_CreateString(p->name));
    }
    if (!cJSON_GetArraySize(required)) cJSON_DeleteItemFromObjectCaseSensitive(schema, "required");
    return schema;
}

static cJSON *object_example(const struct schema *s, enum variant as)
{
    struct field_view v = is_body(as) ? schema_whole(s) : s->views[variants[as].view];
    cJSON *example = cJSON_CreateObject();
    for (size_t i = 0; i < v.count; i++) {
        const struct property *p = &s->properties[v.at[i]];
        if (is_body(as) && (p->flags & F_READONLY)) continue;
        cJSON_AddItemToObject(example, p->name, property_example(p));
    }
    return example;
}

static const struct {
    const char *name, *title;
    int example;
    bool nullable;
} page_members[] = {
    { "total", "总数", 100, true },
    { "pages", "总页数", 10, true },
    { "current", "当前页码", 1, false },
    { "size", "每页数量", 10, false },
};
enum { PAGE_MEMBERS = sizeof page_members / sizeof *page_members };

static cJSON *page_schema(struct doc *d, const struct schema *s)
{
    cJSON *schema = cJSON_CreateObject(), *required = cJSON_CreateArray(), *properties = cJSON_CreateObject();
    cJSON_AddStringToObject(schema, "title", new_text("%s%s", s->title, variants[AS_PAGE].title));
    cJSON_AddStringToObject(schema, "type", "object");
    cJSON_AddItemToObject(schema, "required", required);
    cJSON_AddItemToObject(schema, "properties", properties);
    for (size_t i = 0; i < PAGE_MEMBERS; i++) {
        cJSON *one = cJSON_AddObjectToObject(properties, page_members[i].name);
        cJSON_AddStringToObject(one, "title", page_members[i].title);
        cJSON_AddStringToObject(one, "type", "integer");
        if (page_members[i].nullable) cJSON_AddBoolToObject(one, "nullable", true);
        cJSON_AddNumberToObject(one, "example", page_members[i].example);
        cJSON_AddItemToArray(required, cJSON_CreateString(page_members[i].name));
    }
    cJSON_AddItemToArray(required, cJSON_CreateString("records"));
    cJSON *records = cJSON_AddObjectToObject(properties, "records"), *next = cJSON_CreateObject();
    cJSON_AddStringToObject(records, "type", "array");
    cJSON_AddItemToObject(records, "items", doc_schema(d, s, AS_LIST_ITEM));
    cJSON_AddItemToObject(properties, "next_cursor", next);
    cJSON_AddStringToObject(next, "title", "下一页的 cursor；没有下一页则为 null");
    cJSON_AddStringToObject(next, "type", "string");
    cJSON_AddBoolToObject(next, "nullable", true);
    return schema;
}

static cJSON *page_example(const struct schema *s)
{
    cJSON *example = cJSON_CreateObject();
    for (size_t i = 0; i < PAGE_MEMBERS; i++)
        cJSON_AddNumberToObject(example, page_members[i].name, page_members[i].example);
    cJSON_AddItemToArray(cJSON_AddArrayToObject(example, "records"), object_example(s, AS_LIST_ITEM));
    return example;
}

/* --- documents: replies that are no resource -------------------------------------------------------------------- */
static cJSON *document_example(const cJSON *schema);

static cJSON *properties_example(const cJSON *properties)
{
    const cJSON *p;
    cJSON *example = cJSON_CreateObject();
    cJSON_ArrayForEach(p, properties) cJSON_AddItemToObject(example, p->string, document_example(p));
    return example;
}

static cJSON *document_example(const cJSON *schema)
{
    const cJSON *examples = source_get(schema, "examples"), *properties = source_get(schema, "properties");
    const cJSON *items = source_get(schema, "items");
    if (examples) return cJSON_Duplicate(cJSON_GetArrayItem(examples, 0), true);
    if (properties) return properties_example(properties);
    cJSON *list = cJSON_CreateArray();
    if (items) cJSON_AddItemToArray(list, document_example(items));
    return list;
}

/* JSON Schema to the OpenAPI 3.0 dialect: "examples" becomes "example", "$schema" and "$id" go. */
static cJSON *document_schema(const cJSON *from)
{
    cJSON *to = cJSON_CreateObject();
    const cJSON *member, *property;
    cJSON_ArrayForEach(member, from)
    {
        if (member->string[0] == '$') continue;
        if (strcmp(member->string, "examples") == 0) {
            cJSON_AddItemToObject(to, "example", cJSON_Duplicate(cJSON_GetArrayItem(member, 0), true));
        } else if (strcmp(member->string, "items") == 0) {
            cJSON_AddItemToObject(to, "items", document_schema(member));
        } else if (strcmp(member->string, "properties") == 0) {
            cJSON *properties = cJSON_AddObjectToObject(to, "properties");
            cJSON_ArrayForEach(property, member)
                cJSON_AddItemToObject(properties, property->string, document_schema(property));
        } else {
            cJSON_AddItemToObject(to, member->string, cJSON_Duplicate(member, true));
        }
    }
    return to;
}

/* --- what operations refer to ----------------------------------------------------------------------------------- */
cJSON *doc_schema(struct doc *d, const struct schema *s, enum variant as)
{
    char *name = component_name(s, as);
    if (!doc_has(d, "schemas", name)) {
        cJSON *component = !s->has_table   ? document_schema(s->json)
                           : as == AS_PAGE ? page_schema(d, s)
                                           : object_schema(s, as);
        doc_add(d, "schemas", name, component);
    }
    return doc_ref("schemas", name);
}

cJSON *schema_example(const struct schema *s, enum variant as)
{
    if (!s->has_table) return document_example(s->json);
    return as == AS_PAGE ? page_example(s) : object_example(s, as);
}
