#include "rest/names.h"

#include "base/clock.h"
#include "base/uuid.h"
#include "http/flow.h"
#include "http/worker.h"
#include "rest/segment.h"

#include <stdlib.h>

enum { SLOTS = 16384, KEPT_MAX = SLOTS / 2, REFS_MAX = 6, KEEP_US = 60 * 1000 * 1000, KEEP_UNSURE_US = 50 * 1000 };

struct name {
    const char *table;
    unsigned char id[UUID_BYTES];
    struct str text; /* malloc'd; absent: there is no such row */
    uint64_t until_us;
};

struct names {
    struct name *slots[SLOTS];
    size_t kept;
    uint64_t generation; /* grows with every notification: a fetch under way may be older */
};

struct names *names_new(void)
{
    struct names *n = calloc(1, sizeof *n);
    if (!n) abort();
    return n;
}

static void names_clear(struct names *n)
{
    for (size_t i = 0; i < SLOTS; i++) {
        if (!n->slots[i]) continue;
        free((char *)n->slots[i]->text.p);
        free(n->slots[i]);
        n->slots[i] = NULL;
    }
    n->kept = 0;
}

void names_free(struct names *n)
{
    names_clear(n);
    free(n);
}

/* By all of the id: one that somebody counted up, as imports do, is random in no part. */
static struct name **slot_of(struct names *n, const char *table, struct str id)
{
    for (uint64_t i = str_hash(str_sub(id, 0, UUID_BYTES));; i++) {
        struct name **slot = &n->slots[i % SLOTS];
        if (!*slot || (!memcmp((*slot)->id, id.p, UUID_BYTES) && !strcmp((*slot)->table, table))) return slot;
    }
}

static struct name *find(struct names *n, const struct ref *ref, struct str id)
{
    return id.len == UUID_BYTES ? *slot_of(n, ref->table, id) : NULL;
}

struct str names_find(struct names *n, const struct ref *ref, struct str id)
{
    struct name *name = find(n, ref, id);
    return name ? name->text : STR_NONE;
}

/* Whatever table it was in: ids are unique across tables, and a reference may go through a view of several. */
void names_forget(void *names, struct str payload)
{
    struct names *n = names;
    n->generation++;
    if (str_is_none(payload)) {
        names_clear(n);
        return;
    }
    struct str rest = payload;
    unsigned char id[UUID_BYTES];
    str_cut(&rest, ':');
    if (!uuid_bytes(rest, id)) return;
    for (size_t i = 0; i < SLOTS; i++) {
        struct name *name = n->slots[i];
        if (name && !memcmp(name->id, id, UUID_BYTES)) name->until_us = 0;
    }
}

static void put(struct names *n, const char *table, struct str id, struct str text, uint64_t until_us)
{
    struct name **slot = slot_of(n, table, id), *name = *slot;
    if (!name) {
        name = *slot = calloc(1, sizeof *name);
        if (!name) abort();
        name->table = table;
        memcpy(name->id, id.p, UUID_BYTES);
        n->kept++;
    }
    free((char *)name->text.p);
    name->text = str_is_none(text) ? STR_NONE : (struct str){ strndup(text.p, text.len), text.len };
    name->until_us = until_us;
}

/* --- fetching -------------------------------------------------------------------------------------------------------- */

struct want {
    const struct ref *ref;
    struct str ids; /* "{id,id}" */
    struct pg_stmt stmt;
    const char *values[1];
};

struct fetch {
    struct want wants[REFS_MAX];
    size_t count;
    int first; /* its first call in the segment */
    uint64_t generation;
};

static void want_add(struct fetch *f, struct arena *a, const struct ref *ref, struct str id)
{
    size_t i = 0;
    while (i < f->count && strcmp(f->wants[i].ref->table, ref->table)) i++;
    if (i == REFS_MAX) abort();
    struct want *w = &f->wants[i];
    if (i == f->count) {
        f->count++;
        w->ref = ref;
        w->ids = STR("{");
    }
    char text[UUID_LEN + 1];
    uuid_text((const unsigned char *)id.p, text);
    if (memmem(w->ids.p, w->ids.len, text, UUID_LEN)) return;
    w->ids = arena_printf(a, "%.*s%s%s", STR_ARG(w->ids), w->ids.len > 1 ? "," : "", text);
}

static void take(struct req *r, const struct fetch *f, const struct pg_segment *s)
{
    struct names *n = r->worker->names;
    bool sure = pg_listening(r->worker->pg) && f->generation == n->generation;
    uint64_t until = clock_us() + (sure ? KEEP_US : KEEP_UNSURE_US);
    if (n->kept > KEPT_MAX) names_clear(n);
    for (size_t i = 0; s->error == E_OK && i < f->count; i++)
        for (int call = f->first + (int)i, row = 0; row < pg_rows(s, call); row++)
            put(n, f->wants[i].ref->table, pg_value(s, call, row, 0), pg_value(s, call, row, 1), until);
}

static void fetched(struct pg_segment *s, void *arg)
{
    struct req *r = arg;
    take(r, r->names_fetch, s);
    segment_resume(s, r);
}

static void fetch_add(struct req *r, struct fetch *f, struct pg_segment *s)
{
    f->generation = r->worker->names->generation;
    for (size_t i = 0; i < f->count; i++) {
        struct want *w = &f->wants[i];
        const struct ref *ref = w->ref;
        struct str sql = arena_printf(
            &r->arena,
            "SELECT want.id, x.%s FROM unnest($1::uuid[]) AS want (id) LEFT JOIN %s x ON x.%s = want.id",
            ref->name, ref->table, ref->id);
        w->values[0] = arena_printf(&r->arena, "%.*s}", STR_ARG(w->ids)).p;
        pg_add_binary(s, shapes_statement(r->worker->shapes, &r->arena, sql), w->values, 1);
    }
}

static void want_unless_there(struct req *r, struct fetch *f, const struct ref *ref, struct str id)
{
    struct name *name = find(r->worker->names, ref, id);
    if (id.len == UUID_BYTES && (!name || name->until_us <= clock_us())) want_add(f, &r->arena, ref, id);
}

static void want_field(const struct rows *rows, struct fetch *f, int field)
{
    int from = rows->resource->fields[field].from;
    const struct ref *ref = rows->resource->fields[from].ref;
    for (int row = rows->from; row < rows->until; row++) want_unless_there(rows->req, f, ref, rows_bytes(rows, row, from));
}

static struct fetch *fetch_keep(struct req *r, const struct fetch *f)
{
    struct fetch *kept = arena_new(&r->arena, struct fetch);
    *kept = *f;
    return kept;
}

/* Fetched once for a request is good enough, however short it is kept. */
bool names_ready(const struct rows *rows)
{
    struct req *r = rows->req;
    struct fetch f = { .count = 0 };
    for (size_t i = 0; !r->names_fetch && i < rows->resource->field_count; i++) {
        const struct field *field = &rows->resource->fields[i];
        if (field->flags & F_JOINED && rows->columns->at[field->from] != COLUMN_NONE) want_field(rows, &f, (int)i);
    }
    if (!f.count) return true;
    r->names_fetch = fetch_keep(r, &f);
    struct pg_segment *s = segment_new(r, PG_FAST, true);
    s->done = fetched;
    fetch_add(r, r->names_fetch, s);
    pg_submit(r->worker->pg, s);
    return false;
}

void names_ahead(struct req *r, const struct resource *resource, const struct values *v, struct pg_segment *s)
{
    struct fetch f = { .first = s->count };
    for (size_t i = 0; i < resource->field_count; i++) {
        const struct field *field = &resource->fields[i];
        unsigned char id[UUID_BYTES];
        if (!(field->flags & F_JOINED) || !v->text[field->from] || !uuid_bytes(str_of(v->text[field->from]), id)) continue;
        want_unless_there(r, &f, resource->fields[field->from].ref, (struct str){ (const char *)id, sizeof id });
    }
    r->names_ahead = f.count ? fetch_keep(r, &f) : NULL;
    if (r->names_ahead) fetch_add(r, r->names_ahead, s);
}

void names_arrived(struct req *r, const struct pg_segment *s)
{
    if (r->names_ahead) take(r, r->names_ahead, s);
}
