#include "rest/reseal.h"

#include "base/log.h"
#include "base/uuid.h"
#include "rest/reseal_session.h"
#include "schema/seal.h"
#include "schema/validate.h"

#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 200, PASSES_MAX = 5 };

/* The sealed fields of one table, and what is done with them. */
struct table {
    const struct resource *resource;
    const struct field *fields[FIELDS_MAX];
    size_t count;
    struct str read, write; /* statements */
    long done, damaged;
};

/* The columns of one batch as array literals: ids, then of each field the old value, the new one, its index. */
struct batch {
    struct buf columns[PG_PARAMS];
    int count, rows;
};

/* --- statements ------------------------------------------------------------------------------------------------------------ */

static void add_fields(struct table *t, const struct resource *r)
{
    t->resource = r;
    for (size_t i = 0; i < r->field_count; i++)
        if (r->fields[i].flags & F_SEALED) t->fields[t->count++] = &r->fields[i];
}

static const char *id_of(const struct table *t)
{
    return t->resource->fields[t->resource->id].name.p;
}

/* "(substr(t.phone, 1, 5) <> $2::bytea OR ...)" */
static void add_head_test(struct buf *b, const struct table *t, const char *comparison)
{
    for (size_t i = 0; i < t->count; i++)
        buf_addf(b, "%ssubstr(t.%s, 1, %d) %s $2::bytea", i ? " OR " : "(", t->fields[i]->name.p, VAULT_HEAD, comparison);
    buf_addc(b, ')');
}

static void add_read(struct buf *b, const struct table *t)
{
    buf_addf(b, "SELECT t.%s", id_of(t));
    for (size_t i = 0; i < t->count; i++) buf_addf(b, ", t.%s", t->fields[i]->name.p);
    buf_addf(b, " FROM %s t WHERE t.%s > $1::uuid AND ", t->resource->table, id_of(t));
    add_head_test(b, t, "<>");
    buf_addf(b, " ORDER BY t.%s LIMIT %d", id_of(t), BATCH);
}

static void add_write(struct buf *b, const struct table *t)
{
    int n = 1;
    buf_addf(b, "UPDATE %s t SET ", t->resource->table);
    for (size_t i = 0; i < t->count; i++) {
        const char *name = t->fields[i]->name.p;
        buf_addf(b, "%s%s = n.%s_new", i ? ", " : "", name, name);
        if (sql_has_index(t->fields[i])) buf_addf(b, ", %s_index = n.%s_index", name, name);
    }
    buf_addz(b, " FROM unnest($1::uuid[]");
    for (size_t i = 0; i < t->count; i++)
        for (int k = sql_has_index(t->fields[i]) ? 3 : 2; k > 0; k--) buf_addf(b, ", $%d::bytea[]", ++n);
    buf_addz(b, ") AS n (id");
    for (size_t i = 0; i < t->count; i++) {
        const char *name = t->fields[i]->name.p;
        buf_addf(b, ", %s_old, %s_new", name, name);
        if (sql_has_index(t->fields[i])) buf_addf(b, ", %s_index", name);
    }
    buf_addf(b, ") WHERE t.%s = n.id", id_of(t));
    for (size_t i = 0; i < t->count; i++)
        buf_addf(b, " AND t.%s IS NOT DISTINCT FROM n.%s_old", t->fields[i]->name.p, t->fields[i]->name.p);
}

static struct str made(struct session *s, const struct table *t, void (*add)(struct buf *, const struct table *))
{
    struct buf b;
    buf_init(&b, SESSION_SQL_MAX);
    add(&b, t);
    struct str sql = arena_dup(&s->arena, buf_str(&b));
    buf_done(&b);
    return sql;
}

/* --- one batch --------------------------------------------------------------------------------------------------------------- */

static void put(struct buf *b, const char *bytea)
{
    buf_addc(b, b->len ? ',' : '{');
    if (bytea) buf_addf(b, "\"\\%s\"", bytea); /* in an array literal a backslash stands twice */
    else buf_addz(b, "NULL");
}

/* A value that stood in clear begins with a head of zeros instead. */
static const char *open_value(struct arena *a, const struct table *t, const struct field *f, const unsigned char *id, struct str bytes,
                              struct str *ret)
{
    static const char clear[VAULT_HEAD];
    if (!str_has_prefix(bytes, (struct str){ clear, sizeof clear })) return seal_read(a, t->resource, f, id, bytes, ret);
    *ret = str_sub(bytes, VAULT_HEAD, bytes.len);
    return NULL;
}

static void log_damaged(const struct table *t, const struct field *f, const unsigned char *id, const char *fault)
{
    char record[UUID_LEN + 1];
    uuid_text(id, record);
    log_error("stored value cannot be sealed anew", LOG_STR("resource", t->resource->name), LOG_Z("record", record),
              LOG_STR("field", f->name), LOG_Z("reason", fault));
}

/* One row's fields; false: one of them does not open, and the row stays as it is. */
static bool seal_row(struct arena *a, struct table *t, const struct pg_segment *rows, int row, const char *values[])
{
    const unsigned char *id = (const unsigned char *)pg_value(rows, 0, row, 0).p;
    int n = 0;
    for (size_t i = 0; i < t->count; i++) {
        const struct field *f = t->fields[i];
        struct str bytes = pg_value(rows, 0, row, (int)i + 1), clear = STR_NONE;
        const char *fault = str_is_none(bytes) ? NULL : open_value(a, t, f, id, bytes, &clear);
        if (fault) return log_damaged(t, f, id, fault), false;
        const char *text = str_is_none(clear) ? NULL : arena_cstr(a, clear);
        values[n++] = text ? seal_bytea(a, bytes) : NULL;
        values[n++] = seal_write(a, t->resource, f, id, text);
        if (sql_has_index(f)) values[n++] = seal_index(a, t->resource, f, text);
    }
    return true;
}

static void batch_fill(struct batch *b, struct arena *a, struct table *t, const struct pg_segment *rows)
{
    const char *values[PG_PARAMS];
    for (int row = 0; row < pg_rows(rows, 0); row++) {
        if (!seal_row(a, t, rows, row, values)) {
            t->damaged++;
            continue;
        }
        char id[UUID_LEN + 1];
        uuid_text((const unsigned char *)pg_value(rows, 0, row, 0).p, id);
        buf_addf(&b->columns[0], "%c%s", b->rows++ ? ',' : '{', id);
        for (int i = 1; i < b->count; i++) put(&b->columns[i], values[i - 1]);
    }
}

static void batch_write(struct session *s, struct table *t, const struct pg_segment *rows)
{
    struct batch b = { .count = 1 };
    struct arena a;
    const char *params[PG_PARAMS];
    arena_init(&a);
    for (size_t i = 0; i < t->count; i++) b.count += sql_has_index(t->fields[i]) ? 3 : 2;
    for (int i = 0; i < b.count; i++) buf_init(&b.columns[i], SESSION_VALUE_MAX);
    batch_fill(&b, &a, t, rows);
    for (int i = 0; i < b.count; i++) {
        buf_addc(&b.columns[i], '}');
        params[i] = arena_cstr(&a, buf_str(&b.columns[i]));
        if (!buf_ok(&b.columns[i])) abort();
        buf_done(&b.columns[i]);
    }
    if (b.rows) t->done += session_change(s, t->write, params, b.count);
    arena_done(&a);
}

/* All rows once, in the order of their ids. */
static void pass(struct session *s, struct table *t, const char *head)
{
    char last[UUID_LEN + 1] = "00000000-0000-0000-0000-000000000000";
    const char *params[] = { last, head };
    t->damaged = 0;
    for (int rows = BATCH; rows == BATCH && !s->failed;) {
        struct pg_segment *found = session_read(s, t->read, params, 2);
        if (!found) return;
        rows = pg_rows(found, 0);
        if (rows) uuid_text((const unsigned char *)pg_value(found, 0, rows - 1, 0).p, last);
        batch_write(s, t, found);
        session_release(found);
    }
}

/* Rows that were written meanwhile, by a service that still has the old key first, come into the next pass. */
static void table_reseal(struct session *s, struct table *t, const char *head)
{
    long before = -1;
    t->read = made(s, t, add_read);
    t->write = made(s, t, add_write);
    for (int i = 0; i < PASSES_MAX && t->done != before && !s->failed; i++) {
        before = t->done;
        pass(s, t, head);
    }
    printf("%s: %ld rows sealed anew\n", t->resource->table, t->done);
    if (t->damaged) printf("%s: %ld rows hold a value that does not open; the log names them\n", t->resource->table, t->damaged);
}

/* --- keys that are no longer needed --------------------------------------------------------------------------------------- */

/* Events and kept replies hold rows as JSON, where a value of this key begins with $3. */
static struct str retire_sql(struct session *s, const struct table *tables, size_t count)
{
    struct buf b;
    buf_init(&b, SESSION_SQL_MAX);
    buf_addz(&b, "DELETE FROM data_keys WHERE name = $1::text AND NOT EXISTS (SELECT FROM outbox WHERE strpos(before::text, $3::text) > 0 "
                 "OR strpos(after::text, $3::text) > 0) AND NOT EXISTS (SELECT FROM idempotency WHERE strpos(reply::text, $3::text) > 0)");
    for (size_t i = 0; i < count; i++) {
        buf_addf(&b, " AND NOT EXISTS (SELECT FROM %s t WHERE ", tables[i].resource->table);
        add_head_test(&b, &tables[i], "=");
        buf_addc(&b, ')');
    }
    struct str sql = arena_dup(&s->arena, buf_str(&b));
    buf_done(&b);
    return sql;
}

static void key_retire(struct session *s, struct str sql, struct str name)
{
    char head[VAULT_HEAD] = { 0 };
    int64_t id = 0;
    if (str_to_i64(name, 1, UINT32_MAX, &id)) vault_head((uint32_t)id, head);
    const char *bytea = seal_bytea(&s->arena, (struct str){ head, sizeof head });
    const char *params[] = { name.p, bytea, arena_printf(&s->arena, "\"\\%s", bytea).p };
    bool gone = session_change(s, sql, params, 3) == 1;
    if (s->failed) return;
    if (!id) printf("%s\n", gone ? "nothing is in clear any more" : "values are still in clear");
    else if (gone) printf("key %.*s is no longer needed: take it out of the key ring\n", STR_ARG(name));
    else printf("key %.*s is still needed, by rows or by events and replies that are not old enough yet\n", STR_ARG(name));
}

static void keys_retire(struct session *s, const struct vault *v, const struct table *tables, size_t count)
{
    struct str sql = retire_sql(s, tables, count), current = arena_printf(&s->arena, "%u", vault_current(v));
    struct pg_segment *names = session_read(s, STR("SELECT name FROM data_keys WHERE name <> 'index' ORDER BY name"), NULL, 0);
    for (int i = 0; names && i < pg_rows(names, 0); i++) {
        struct str name = arena_dup(&s->arena, pg_value(names, 0, i, 0));
        if (!str_eq(name, current)) key_retire(s, sql, name);
    }
    if (names) session_release(names);
}

int reseal_run(const char *database_url, const struct vault *v, const struct resource *const *resources)
{
    struct session s;
    struct table tables[SESSION_TABLES_MAX] = { 0 };
    size_t count = 0;
    long damaged = 0;
    char head[VAULT_HEAD];
    for (; *resources && count < SESSION_TABLES_MAX; resources++)
        if (seal_is_needed(*resources)) add_fields(&tables[count++], *resources);
    if (!count) return puts("nothing is encrypted here"), EXIT_SUCCESS;
    session_begin(&s, database_url, v);
    vault_head(vault_current(v), head);
    for (size_t i = 0; i < count && !s.failed; i++) {
        table_reseal(&s, &tables[i], seal_bytea(&s.arena, (struct str){ head, sizeof head }));
        damaged += tables[i].damaged;
    }
    if (!s.failed) keys_retire(&s, v, tables, count);
    bool failed = s.failed || damaged;
    session_end(&s);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
