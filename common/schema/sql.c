#include "schema/sql.h"

#include "schema/keyword.h"
#include "schema/type.h"

static void select_field(struct columns *c, int field)
{
    if (c->at[field] != COLUMN_NONE) return;
    c->at[field] = (unsigned char)c->count;
    c->field[c->count++] = (unsigned char)field;
}

void sql_columns_of(struct columns *c, const struct resource *r, const struct field_list *view)
{
    c->count = 0;
    memset(c->at, COLUMN_NONE, sizeof c->at);
    for (size_t i = 0; i < view->count; i++) {
        const struct field *f = &r->fields[view->at[i]];
        select_field(c, f->flags & F_JOINED ? f->from : view->at[i]);
        if (f->flags & F_SEALED) select_field(c, r->id); /* it opens for its record only */
    }
    if (r->owner >= 0) select_field(c, r->owner);
}

void sql_columns(struct buf *b, const struct resource *r, const struct columns *c)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct field *f = &r->fields[c->field[i]];
        const char *comma = i ? ", " : "";
        if (f->derived) buf_addf(b, "%s%s(t)%s", comma, f->derived, types[f->type].shown);
        else buf_addf(b, "%st.%.*s%s", comma, STR_ARG(f->name), types[f->type].shown);
    }
}

static struct str id_name(const struct resource *r)
{
    return r->fields[r->id].name;
}

static bool has_pinyin(const struct resource *r)
{
    for (size_t i = 0; i < r->field_count; i++)
        if (r->fields[i].flags & F_PINYIN) return true;
    return false;
}

static const char *cast_of(const struct field *f)
{
    return f->flags & F_SEALED ? "bytea" : types[f->type].cast;
}

/* PostgreSQL must see every parameter used: where there is no pinyin, its parameter is named and ignored. */
void sql_insert(struct buf *b, const struct resource *r)
{
    buf_addf(b, "INSERT INTO %s AS t (%.*s, created_by, updated_by%s", r->table, STR_ARG(id_name(r)),
             has_pinyin(r) ? ", pinyin" : "");
    for (size_t i = 0; i < r->field_count; i++)
        if (sql_is_writable(&r->fields[i])) {
            buf_addf(b, ", %.*s%s", STR_ARG(r->fields[i].name), sql_suffix(&r->fields[i]));
            if (sql_has_index(&r->fields[i])) buf_addf(b, ", %.*s_index", STR_ARG(r->fields[i].name));
        }
    buf_addf(b, ") SELECT $1::uuid, $2::uuid, $2::uuid%s", has_pinyin(r) ? ", coalesce($3::text, '')" : "");
    int n = SQL_INSERT_FIRST;
    for (size_t i = 0; i < r->field_count; i++)
        if (sql_is_writable(&r->fields[i])) {
            buf_addf(b, ", $%d::%s", ++n, cast_of(&r->fields[i]));
            if (sql_has_index(&r->fields[i])) buf_addf(b, ", $%d::bytea", ++n);
        }
    if (!has_pinyin(r)) buf_addz(b, " WHERE $3::text IS NOT DISTINCT FROM $3::text");
}

static void set_field(struct buf *b, struct str name, const char *more, int bit, int n, const char *cast)
{
    buf_addf(b, ", %.*s%s = CASE WHEN ($4::bigint >> %d) & 1 = 1 THEN $%d::%s ELSE t.%.*s%s::%s END", STR_ARG(name), more, bit, n, cast,
             STR_ARG(name), more, cast);
}

void sql_update(struct buf *b, const struct resource *r)
{
    buf_addf(b, "UPDATE %s AS t SET updated_by = $2::uuid, updated_time = now(), version = t.version + 1", r->table);
    if (has_pinyin(r)) buf_addz(b, ", pinyin = coalesce($3::text, t.pinyin)");
    int n = SQL_UPDATE_FIRST, bit = 0;
    for (size_t i = 0; i < r->field_count; i++) {
        const struct field *f = &r->fields[i];
        if (!sql_is_writable(f)) continue;
        set_field(b, f->name, sql_suffix(f), bit, ++n, cast_of(f));
        if (sql_has_index(f)) set_field(b, f->name, "_index", bit, ++n, "bytea");
        bit++;
    }
    buf_addf(b, " WHERE t.%.*s = $1::uuid AND t.deleted_time IS NULL AND ($5::int[] IS NULL OR t.version = ANY ($5::int[]))",
             STR_ARG(id_name(r)));
    if (!has_pinyin(r)) buf_addz(b, " AND $3::text IS NOT DISTINCT FROM $3::text");
    if (!bit) buf_addz(b, " AND $4::text IS NOT DISTINCT FROM $4::text");
}

static void refuse_duplicate(struct buf *b, const struct resource *r, const struct field *f, int n)
{
    buf_addf(b, "(SELECT t.%.*s::text FROM %s t WHERE t.%.*s = $%d::%s AND t.deleted_time IS NULL AND t.%.*s <> $1::uuid)",
             STR_ARG(id_name(r)), r->table, STR_ARG(f->name), n, types[f->type].cast, STR_ARG(id_name(r)));
}

/* A reference that the record has already may go back as it was read, also when what it names was deleted since. */
static void unless_there(struct buf *b, const struct resource *r, const struct field *f, int n, bool is_bounded)
{
    buf_addf(b, " AND NOT EXISTS (SELECT FROM %s t WHERE t.%.*s = $1::uuid AND t.%.*s = $%d::uuid", r->table, STR_ARG(id_name(r)),
             STR_ARG(f->name), n);
    if (is_bounded && r->owner >= 0) scope_add(b, "t", r->fields[r->owner].name.p, 2, 3);
    buf_addz(b, ")");
}

static void refuse_missing(struct buf *b, const struct field *f, int n, bool is_bounded)
{
    const struct ref *ref = f->ref;
    buf_addf(b, "CASE WHEN NOT EXISTS (SELECT FROM %s x WHERE x.%s = $%d::uuid AND x.deleted_time IS NULL", ref->table, ref->id, n);
    if (ref->owner) buf_addf(b, " AND (x.%s IS NULL OR x.%s = $1::uuid)", ref->owner, ref->owner);
    if (is_bounded && ref->whose) scope_add(b, "x", ref->whose, 2, 3);
    buf_addz(b, ")");
}

int sql_param(struct sql_params *params, const char *value)
{
    params->values[params->count++] = value;
    return params->count;
}

void sql_refuse(struct buf *b, struct sql_params *params, const struct resource *r, const char *const *values, bool is_new)
{
    bool is_first = true, is_bounded = params->values[2];
    for (size_t i = 0; i < r->field_count; i++) {
        const struct field *f = &r->fields[i];
        bool is_checked = f->flags & F_UNIQUE || (f->ref && sql_is_writable(f));
        if (!is_checked || !values[i]) continue;
        buf_addf(b, "%s'%.*s', ", is_first ? "SELECT refuse(jsonb_strip_nulls(jsonb_build_object(" : ", ", STR_ARG(f->name));
        is_first = false;
        int n = sql_param(params, values[i]);
        if (f->flags & F_UNIQUE) {
            refuse_duplicate(b, r, f, n);
            continue;
        }
        refuse_missing(b, f, n, is_bounded);
        if (r->table && !is_new) unless_there(b, r, f, n, is_bounded);
        buf_addz(b, " THEN 'missing' END");
    }
    if (!is_first) buf_addz(b, "))) WHERE $1::uuid IS NOT NULL AND $2::uuid IS NOT NULL AND $3::text IS NOT DISTINCT FROM $3::text");
}

static void where_only(struct buf *b, struct sql_params *params, const struct list_query *q)
{
    buf_addf(b, " AND %s(t", q->only);
    for (int i = 0; i < 2; i++)
        if (q->span[i]) buf_addf(b, ", $%d::timestamptz", sql_param(params, q->span[i]));
    buf_addz(b, ")");
}

/* All but the keyword and whose records they are. */
static void where_filters(struct buf *b, struct sql_params *params, const struct resource *r, const struct list_query *q)
{
    for (size_t i = 0; i < r->field_count; i++)
        if (q->filters[i])
            buf_addf(b, " AND t.%.*s = $%d::%s", STR_ARG(r->fields[i].name), sql_param(params, q->filters[i]),
                     types[r->fields[i].type].cast);
    if (q->from) buf_addf(b, " AND t.%.*s >= $%d::timestamptz", STR_ARG(r->fields[r->dates].name), sql_param(params, q->from));
    if (q->until) buf_addf(b, " AND t.%.*s < $%d::timestamptz", STR_ARG(r->fields[r->dates].name), sql_param(params, q->until));
    if (q->only) where_only(b, params, q);
}

void sql_where(struct buf *b, struct sql_params *params, struct arena *a, const struct resource *r, const struct list_query *q)
{
    scope_add_narrow(b, params, r, &q->scope);
    where_filters(b, params, r, q);
    keyword_add(b, params, a, r, q, SEEK_INDEX);
}

void sql_where_walk(struct buf *bounds, struct buf *each, struct sql_params *params, struct arena *a, const struct resource *r,
                    const struct list_query *q, enum seek how)
{
    struct buf *scope = scope_is_of_departments(&q->scope) ? each : bounds;
    if (scope) scope_add_narrow(scope, params, r, &q->scope);
    where_filters(bounds, params, r, q);
    if (each) keyword_add(each, params, a, r, q, how);
}
