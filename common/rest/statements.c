#include "rest/statements.h"

#include "rest/changes.h"
#include "rest/data_keys.h"
#include "rest/events.h"
#include "rest/rest.h"
#include "schema/seal.h"
#include "schema/sql.h"

#include <stdio.h>
#include <stdlib.h>

enum { RESOURCES_MAX = 32, SQL_MAX = 16 * 1024, PER_RESOURCE = 9 };

const struct pg_stmt stmt_claim = { "claim", "SELECT idempotency_claim($1::uuid, $2, $3)" };
const struct pg_stmt stmt_author = {
    "author", "INSERT INTO user_ref AS u (user_id, name, department, generation) SELECT $1::uuid, $2, $3, $4::bigint "
              "WHERE NOT EXISTS (SELECT FROM user_ref k WHERE k.user_id = $1::uuid AND k.name = $2 AND k.department = $3) "
              "ON CONFLICT (user_id) DO UPDATE SET name = excluded.name, department = excluded.department, "
              "generation = excluded.generation WHERE u.generation <= excluded.generation"
};
const struct pg_stmt stmt_author_moved = {
    "author_moved", "UPDATE user_ref SET name = $2, department = $3, generation = $4::bigint "
                    "WHERE user_id = $1::uuid AND generation <= $4::bigint AND (name, department) IS DISTINCT FROM ($2, $3)"
};
const struct pg_stmt stmt_tell = { "tell", "SELECT set_config($1, $2, true)" };
const struct pg_stmt stmt_dry_run = { "dry_run", "SELECT dry_run()" };
const struct pg_stmt stmt_total_keep = {
    "total_keep", "INSERT INTO list_total (key, total, snapshot) SELECT sha256(convert_to($1, 'UTF8')), $2::bigint, $3::pg_snapshot "
                  "ON CONFLICT (key) DO UPDATE SET total = excluded.total, snapshot = excluded.snapshot, stored_at = now()"
};
const struct pg_stmt stmt_housekeeping = { "housekeeping", "SELECT housekeeping()" };
const struct pg_stmt stmt_index_texts = {
    "index_texts", "SELECT gin_clean_pending_list(c.oid) FROM pg_class c JOIN pg_am a ON a.oid = c.relam "
                   "WHERE a.amname = 'gin' AND c.relkind = 'i' AND c.relnamespace = current_schema()::regnamespace"
};

void author_values(struct arena *a, const struct principal *who, const char *values[4])
{
    values[0] = arena_cstr(a, who->user_id);
    values[1] = arena_cstr(a, who->name);
    values[2] = arena_cstr(a, who->department);
    values[3] = arena_printf(a, "%lld", (long long)who->generation).p;
}

static struct statements all[RESOURCES_MAX];
static size_t count;

const struct statements *statements_of(const struct resource *r)
{
    for (size_t i = 0; i < count; i++)
        if (all[i].resource == r) return &all[i];
    abort(); /* a route names a resource that the service did not list */
}

static struct pg_stmt named(const struct resource *r, const char *verb, struct buf *sql)
{
    if (!buf_ok(sql)) abort();
    char *name, *text;
    if (asprintf(&name, "%.*s_%s", STR_ARG(r->name), verb) < 0 || asprintf(&text, "%.*s", STR_ARG(buf_str(sql))) < 0) abort();
    buf_clear(sql);
    return (struct pg_stmt){ name, text };
}

static const char *owner_name(const struct resource *r)
{
    return r->fields[r->owner].name.p;
}

/* PostgreSQL must see every parameter used: $2 is the user, which only the scope needs. */
static void add_scope(struct buf *b, const struct resource *r, int reach)
{
    if (r->owner >= 0) scope_add(b, "t", owner_name(r), 2, reach);
    else buf_addz(b, " AND $2::uuid IS NOT NULL");
}

static void select_row(struct buf *b, const struct resource *r)
{
    buf_addz(b, "SELECT ");
    sql_columns(b, r, &statements_of(r)->detail);
    buf_addz(b, ", (t.deleted_time IS NOT NULL)::text, (true");
    add_scope(b, r, 3);
    buf_addf(b, ")::text FROM %s t WHERE t.%.*s = $1::uuid", r->table, STR_ARG(r->fields[r->id].name));
}

static void get(struct buf *b, const struct resource *r, bool with_department)
{
    buf_addz(b, "SELECT ");
    sql_columns(b, r, &statements_of(r)->detail);
    if (with_department) buf_addf(b, ", (SELECT u.department FROM user_ref u WHERE u.user_id = t.%s)", owner_name(r));
    buf_addf(b, " FROM %s t WHERE t.%s = ANY ($1::uuid[]) AND t.deleted_time IS NULL", r->table, r->fields[r->id].name.p);
}

/* $1 id, $2 user, $3 versions, $4 reach: `set` on a row that is deleted, or is not. */
static void mark(struct buf *b, const struct resource *r, const char *set, const char *is)
{
    buf_addf(b,
             "UPDATE %s AS t SET deleted_time = %s, updated_by = $2::uuid, updated_time = now(), version = t.version + 1 "
             "WHERE t.%s = $1::uuid AND t.deleted_time %s AND ($3::int[] IS NULL OR t.version = ANY ($3::int[]))",
             r->table, set, r->fields[r->id].name.p, is);
    add_scope(b, r, 4);
}

/* The last parameter of an update. */
static int update_reach(const struct resource *r)
{
    int n = SQL_UPDATE_FIRST + 1;
    for (size_t i = 0; i < r->field_count; i++) n += sql_params_of(&r->fields[i]);
    return n;
}

static void restorable(struct buf *b, const struct resource *r)
{
    const char *id = r->fields[r->id].name.p;
    buf_addz(b, "SELECT refuse(jsonb_strip_nulls(jsonb_build_object(");
    const char *comma = "";
    for (size_t i = 0; i < r->field_count; i++) {
        if (!(r->fields[i].flags & F_UNIQUE)) continue;
        const char *name = r->fields[i].name.p;
        buf_addf(b, "%s'%s', (SELECT o.%s::text FROM %s o WHERE o.%s = t.%s AND o.deleted_time IS NULL AND o.%s <> t.%s)", comma,
                 name, id, r->table, name, name, id, id);
        comma = ", ";
    }
    buf_addf(b, "))) FROM %s t WHERE t.%s = $1::uuid", r->table, id);
    add_scope(b, r, 3);
}

static void remember(struct buf *b, const struct resource *r)
{
    const char *id = r->fields[r->id].name.p;
    buf_addz(b, "SELECT idempotency_keep($2::uuid, $3, (SELECT to_jsonb(t)");
    for (size_t i = 0; i < r->field_count; i++)
        if (r->fields[i].flags & F_WRITEONLY) buf_addf(b, " - '%.*s%s'", STR_ARG(r->fields[i].name), sql_suffix(&r->fields[i]));
    buf_addf(b, " FROM %s t WHERE t.%s = $1::uuid AND t.xmin = pg_current_xact_id()::xid))", r->table, id);
}

static void replay(struct buf *b, const struct resource *r)
{
    buf_addz(b, "SELECT (i.request = sha256(convert_to($3, 'UTF8')))::text, ");
    sql_columns(b, r, &statements_of(r)->detail);
    buf_addf(
        b, " FROM idempotency i, jsonb_populate_record(NULL::%s, i.reply) t WHERE i.user_id = $1::uuid AND i.key = $2",
        r->table);
}

static void statements_make(struct statements *s, const struct resource *r)
{
    struct buf b;
    buf_init(&b, SQL_MAX);
    s->resource = r;
    s->is_scoped = r->owner >= 0;
    sql_columns_of(&s->detail, r, &r->views[VIEW_DETAIL]);
    get(&b, r, false);
    s->get = named(r, "get", &b);
    if (s->is_scoped) get(&b, r, true);
    s->get_scoped = s->is_scoped ? named(r, "get_scoped", &b) : (struct pg_stmt){ 0 };
    sql_insert(&b, r);
    s->insert = named(r, "insert", &b);
    sql_update(&b, r);
    add_scope(&b, r, update_reach(r));
    s->update = named(r, "update", &b);
    mark(&b, r, "now()", "IS NULL");
    s->remove = named(r, "delete", &b);
    mark(&b, r, "NULL", "IS NOT NULL");
    s->restore = named(r, "restore", &b);
    restorable(&b, r);
    s->restorable = named(r, "restorable", &b);
    select_row(&b, r);
    s->read_back = named(r, "read_back", &b);
    remember(&b, r);
    s->remember = named(r, "remember", &b);
    replay(&b, r);
    s->replay = named(r, "replay", &b);
    buf_done(&b);
}

const struct pg_stmt *const *rest_statements(const struct resource *const *resources, const struct pg_stmt *const *more)
{
    static const struct pg_stmt *list[RESOURCES_MAX * (PER_RESOURCE + 1) + EVENTS_STATEMENTS_MAX + 96];
    size_t n = 0;
    bool seals = false;
    list[n++] = &stmt_claim;
    list[n++] = &stmt_author;
    list[n++] = &stmt_author_moved;
    list[n++] = &stmt_tell;
    list[n++] = &stmt_images;
    list[n++] = &stmt_dry_run;
    list[n++] = &stmt_total_keep;
    list[n++] = &stmt_housekeeping;
    list[n++] = &stmt_index_texts;
    n += events_statements(resources, list + n);
    for (; *resources; resources++) {
        if (count == RESOURCES_MAX) abort();
        struct statements *s = &all[count++];
        statements_make(s, *resources);
        const struct pg_stmt *own[] = { &s->get, &s->insert, &s->update, &s->remove, &s->restore, &s->restorable,
                                        &s->read_back, &s->remember, &s->replay };
        for (size_t i = 0; i < sizeof own / sizeof *own; i++) list[n++] = own[i];
        seals |= seal_is_needed(*resources);
        if (s->is_scoped) list[n++] = &s->get_scoped;
    }
    if (seals) list[n++] = &stmt_data_keys_read, list[n++] = &stmt_data_keys_add;
    for (; more && *more; more++) list[n++] = *more;
    return list;
}
