#include <string.h>

#include "out.h"
#include "source.h"
#include "tables.h"

static const char *const type_names[T_COUNT] = {
    [T_TEXT] = "T_TEXT",   [T_CODE] = "T_CODE", [T_UUID] = "T_UUID",   [T_INT] = "T_INT",
    [T_MONEY] = "T_MONEY", [T_BOOL] = "T_BOOL", [T_DATE] = "T_DATE",   [T_TIME] = "T_TIME",
    [T_ENUM] = "T_ENUM",   [T_TAGS] = "T_TAGS", [T_PHONE] = "T_PHONE", [T_EMAIL] = "T_EMAIL",
    [T_CODES] = "T_CODES", [T_JSON] = "T_JSON", [T_QUANTITY] = "T_QUANTITY", [T_ITEMS] = "T_ITEMS",
};

#define FLAGS(X)                                                                                                       \
    X(F_REQUIRED)                                                                                                      \
    X(F_READONLY)                                                                                                      \
    X(F_FILTER) X(F_SORT) X(F_SEARCH) X(F_PINYIN) X(F_EXACT) X(F_SECRET) X(F_UNIQUE) X(F_JOINED) X(F_MULTILINE) \
    X(F_SEALED) X(F_WRITEONLY) X(F_CODED)
#define AS_ROW(flag) { flag, #flag },
static const struct {
    unsigned flag;
    const char *name;
} flag_names[] = { FLAGS(AS_ROW) };

static const char *const view_names[VIEW_COUNT] = {
    [VIEW_DETAIL] = "detail",
    [VIEW_LIST] = "list",
    [VIEW_CREATED] = "created",
    [VIEW_UPDATED] = "updated",
};

/* --- schemas.h -------------------------------------------------------------------------------------------------- */
static void print_enum(FILE *to, const struct schema *s)
{
    char *prefix = upper_symbol(s->name);
    fprintf(to, "\n/* %s (%s) */\nenum {\n", s->title, s->file);
    for (size_t i = 0; i < s->count; i++) fprintf(to, "    %s_%s,\n", prefix, s->properties[i].name);
    fprintf(to, "    %s_COUNT\n};\nextern const struct resource %s_resource;\n", prefix, s->name);
}

static void write_header(const struct model *m, const char *folder)
{
    struct out o;
    out_open(&o, folder, "schemas.h");
    fputs("/* Generated from proto-json-schemas. Do not edit. */\n#ifndef GEN_SCHEMAS_H\n#define GEN_SCHEMAS_H\n\n"
          "#include \"schema/schema.h\"\n\n",
          o.to);
    for (size_t i = 0; i < m->dict_count; i++)
        fprintf(o.to, "extern const struct dictionary dictionary_%s; /* %s */\n", m->dicts[i].name, m->dicts[i].title);
    fputs("extern const struct dictionary *const dictionaries[];\nextern const size_t dictionary_count;\n", o.to);
    for (size_t i = 0; i < m->schema_count; i++)
        if (m->schemas[i].has_table) print_enum(o.to, &m->schemas[i]);
    fputs("\n#endif\n", o.to);
    out_close(&o);
}

/* --- dictionaries ----------------------------------------------------------------------------------------------- */
static void print_str(FILE *to, const char *text)
{
    fputs("STR(", to);
    out_literal(to, text);
    fputc(')', to);
}

static void print_dictionary(FILE *to, const struct dict *d)
{
    const cJSON *entry;
    fprintf(to, "\nstatic const struct choice %s_choices[] = {\n", d->name);
    cJSON_ArrayForEach(entry, d->entries)
    {
        fputs("    { ", to);
        print_str(to, source_get(entry, "const")->valuestring);
        fputs(", ", to);
        print_str(to, source_get(entry, "title")->valuestring);
        fputs(" },\n", to);
    }
    fprintf(to, "};\nconst struct dictionary dictionary_%s = {\n    STR(\"%s\"), ", d->name, d->name);
    print_str(to, d->title);
    fprintf(to, ", %s_choices, %d\n};\n", d->name, cJSON_GetArraySize(d->entries));
}

static void print_dictionaries(FILE *to, const struct model *m)
{
    for (size_t i = 0; i < m->dict_count; i++) print_dictionary(to, &m->dicts[i]);
    fputs("\nconst struct dictionary *const dictionaries[] = {\n", to);
    for (size_t i = 0; i < m->dict_count; i++) fprintf(to, "    &dictionary_%s,\n", m->dicts[i].name);
    fprintf(to, "};\nconst size_t dictionary_count = %zu;\n", m->dict_count);
}

/* --- resources -------------------------------------------------------------------------------------------------- */
static void print_flags(FILE *to, unsigned flags)
{
    const char *between = "";
    fputs(", .flags = ", to);
    for (size_t i = 0; i < sizeof flag_names / sizeof *flag_names; i++) {
        if (!(flags & flag_names[i].flag)) continue;
        fprintf(to, "%s%s", between, flag_names[i].name);
        between = " | ";
    }
    if (!flags) fputc('0', to);
}

static void print_ref(FILE *to, const struct property *p)
{
    static const char *const members[] = { "table", "id", "name", "owner" };
    if (!p->ref) return;
    fputs(",\n      .ref = &(const struct ref){ ", to);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const cJSON *member = source_get(p->ref, members[i]);
        if (member) fprintf(to, "%s.%s = \"%s\"", i ? ", " : "", members[i], member->valuestring);
    }
    if (p->ref_whose) fprintf(to, ", .whose = \"%s\"", p->ref_whose);
    fputs(" }", to);
}

static void print_field(FILE *to, const char *prefix, const struct schema *s, const struct property *p)
{
    fprintf(to, "    [%s_%s] = { .name = STR(\"%s\"), .type = %s", prefix, p->name, p->name, type_names[p->type]);
    print_flags(to, p->flags);
    fprintf(to, ",\n      .min = %d, .max = %d", p->min, p->max);
    if (p->item_max) fprintf(to, ", .item_max = %d", p->item_max);
    if (p->dict) fprintf(to, ", .dictionary = &dictionary_%s", p->dict->name);
    print_ref(to, p);
    if (p->from < 0)
        fputs(", .from = -1", to);
    else
        fprintf(to, ", .from = %s_%s", prefix, s->properties[p->from].name);
    if (p->items) fprintf(to, ", .items = &%s_resource", p->items->name);
    if (p->derived) fprintf(to, ", .derived = \"%s\"", p->derived);
    if (p->fallback) fputs(", .fallback = ", to), print_str(to, p->fallback);
    fputs(" },\n", to);
}

static void print_view(FILE *to, const struct schema *s, const char *prefix, int view)
{
    const struct field_view *v = &s->views[view];
    fprintf(to, "static const unsigned char %s_%s[] = {\n", s->name, view_names[view]);
    for (size_t i = 0; i < v->count; i++) fprintf(to, "    %s_%s,\n", prefix, s->properties[v->at[i]].name);
    fputs("};\n", to);
}

static void print_index(FILE *to, const struct schema *s, const char *prefix, const char *member, int index)
{
    if (index < 0)
        fprintf(to, "    .%s = -1,\n", member);
    else
        fprintf(to, "    .%s = %s_%s,\n", member, prefix, s->properties[index].name);
}

static void print_permissions(FILE *to, const struct schema *s)
{
    static const char *const names[ACT_COUNT] = {
        [ACT_VIEW] = "ACT_VIEW", [ACT_UPDATE] = "ACT_UPDATE", [ACT_DELETE] = "ACT_DELETE", [ACT_UNMASK] = "ACT_UNMASK",
    };
    for (int i = 0; i < ACT_COUNT; i++)
        if (s->permissions[i]) fprintf(to, "    .permissions[%s] = PERM_%s,\n", names[i], upper_symbol(s->permissions[i]));
}

static void print_events(FILE *to, const struct schema *s)
{
    const cJSON *name;
    if (s->is_untold) fputs("    .is_untold = true,\n", to);
    if (s->is_appended) fputs("    .is_appended = true,\n", to);
    if (!s->event_columns) return;
    fputs("    .event_columns = (const char *const[]){ ", to);
    cJSON_ArrayForEach(name, s->event_columns) fprintf(to, "\"%s\", ", name->valuestring);
    fputs("NULL },\n", to);
}

static void print_resource(FILE *to, const struct schema *s)
{
    char *prefix = upper_symbol(s->name);
    fprintf(to, "\nstatic const struct field %s_fields[%s_COUNT] = {\n", s->name, prefix);
    for (size_t i = 0; i < s->count; i++) print_field(to, prefix, s, &s->properties[i]);
    fputs("};\n", to);
    for (int v = 0; v < VIEW_COUNT; v++) print_view(to, s, prefix, v);
    fprintf(to, "const struct resource %s_resource = {\n    .name = STR(\"%s\"),\n", s->name, s->name);
    if (s->sql_table) fprintf(to, "    .table = \"%s\",\n", s->sql_table);
    fprintf(to, "    .fields = %s_fields,\n    .field_count = %s_COUNT,\n", s->name, prefix);
    print_index(to, s, prefix, "id", s->id);
    print_index(to, s, prefix, "version", s->version);
    print_index(to, s, prefix, "dates", s->dates);
    print_index(to, s, prefix, "sort", s->sort);
    print_index(to, s, prefix, "owner", s->owner);
    print_permissions(to, s);
    print_events(to, s);
    fprintf(to, "    .sort_ascending = %s,\n    .views = {\n", s->sort_ascending ? "true" : "false");
    for (int v = 0; v < VIEW_COUNT; v++)
        fprintf(to, "        [VIEW_%s] = { %s_%s, %zu },\n", upper_symbol(view_names[v]), s->name, view_names[v],
                s->views[v].count);
    fputs("    },\n};\n", to);
}

void tables_write_schemas(const struct model *m, const char *folder)
{
    write_header(m, folder);
    struct out o;
    out_open(&o, folder, "schemas.c");
    fputs(
        "/* Generated from proto-json-schemas. Do not edit. */\n#include \"schemas.h\"\n\n#include \"permissions.h\"\n",
        o.to);
    print_dictionaries(o.to, m);
    for (size_t i = 0; i < m->schema_count; i++)
        if (m->schemas[i].has_table) print_resource(o.to, &m->schemas[i]);
    tables_print_permissions(o.to, m);
    out_close(&o);
}
