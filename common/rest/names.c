#include "rest/names.h"

#include "base/clock.h"
#include "http/flow.h"
#include "http/worker.h"
#include "rest/segment.h"

#include <stdlib.h>

enum { SLOTS = 16384, KEPT_MAX = SLOTS / 2, ID_LEN = 36, REFS_MAX = 6, KEEP_US = 60 * 1000 * 1000, KEEP_UNSURE_US = 50 * 1000 };

struct name {
    const char *table;
    char id[ID_LEN];
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

static struct name **slot_of(struct names *n, const char *table, struct str id)
{
    for (size_t i = str_hash(id) ^ str_hash(str_of(table));; i++) {
        struct name **slot = &n->slots[i % SLOTS];
        if (!*slot || (!memcmp((*slot)->id, id.p, ID_LEN) && !strcmp((*slot)->table, table))) return slot;
    }
}

static struct name *find(struct names *n, const struct ref *ref, struct str id)
{
    return id.len == ID_LEN ? *slot_of(n, ref->table, id) : NULL;
}

struct str names_find(struct names *n, const struct ref *ref, struct str id)
{
    struct name *name = find(n, ref, id);
    return name ? name->text : STR_NONE;
}

/* The table's schema is not ours to know: a foreign table of the same name costs a fetch, no more. */
void names_forget(void *names, struct str payload)
{
    struct names *n = names;
    n->generation++;
    if (str_is_none(payload)) {
        names_clear(n);
        return;
    }
    struct str rest = payload, schema = str_cut(&rest, '.'), table = str_cut(&rest, ':');
    (void)schema;
    for (size_t i = 0; i < SLOTS && rest.len == ID_LEN; i++) {
        struct name *name = n->slots[i];
        if (name && str_is(table, name->table) && !memcmp(name->id, rest.p, ID_LEN)) name->until_us = 0;
    }
}

static void put(struct names *n, const char *table, struct str id, struct str text, uint64_t until_us)
{
    struct name **slot = slot_of(n, table, id), *name = *slot;
    if (!name) {
        name = *slot = calloc(1, sizeof *name);
        if (!name) abort();
        name->table = table;
        memcpy(name->id, id.p, ID_LEN);
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
    uint64_t generation;
    struct pg_segment *segment;
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
    if (memmem(w->ids.p, w->ids.len, id.p, id.len)) return;
    w->ids = arena_printf(a, "%.*s%s%.*s", STR_ARG(w->ids), w->ids.len > 1 ? "," : "", STR_ARG(id));
}

static void fetched(struct pg_segment *s, void *arg)
{
    struct req *r = arg;
    struct fetch *f = r->names_fetch;
    struct names *n = r->worker->names;
    bool sure = pg_listening(r->worker->pg) && f->generation == n->generation;
    uint64_t until = clock_us() + (sure ? KEEP_US : KEEP_UNSURE_US);
    if (n->kept > KEPT_MAX) names_clear(n);
    for (int i = 0; s->error == E_OK && i < s->count; i++)
        for (int row = 0; row < pg_rows(s, i); row++)
            put(n, f->wants[i].ref->table, pg_value(s, i, row, 0), pg_value(s, i, row, 1), until);
    segment_resume(s, r);
}

static void fetch_send(struct req *r, struct fetch *f)
{
    f->generation = r->worker->names->generation;
    f->segment = segment_new(r, PG_FAST, true);
    f->segment->done = fetched;
    for (size_t i = 0; i < f->count; i++) {
        struct want *w = &f->wants[i];
        const struct ref *ref = w->ref;
        struct str sql = arena_printf(
            &r->arena,
            "SELECT want.id::text, x.%s FROM unnest($1::uuid[]) AS want (id) LEFT JOIN %s x ON x.%s = want.id",
            ref->name, ref->table, ref->id);
        w->values[0] = arena_printf(&r->arena, "%.*s}", STR_ARG(w->ids)).p;
        pg_add(f->segment, shapes_statement(r->worker->shapes, &r->arena, sql), w->values, 1);
    }
    r->names_fetch = f;
    pg_submit(r->worker->pg, f->segment);
}

bool names_ready(struct req *r, const struct resource *resource, const struct field_list *columns, const struct pg_segment *s,
                 int call, int first_column)
{
    struct fetch *f = NULL;
    uint64_t now = clock_us();
    for (size_t c = 0; c < columns->count; c++) {
        const struct field *field = &resource->fields[columns->at[c]];
        if (!(field->flags & F_JOINED)) continue;
        const struct ref *ref = resource->fields[field->from].ref;
        for (int row = 0; row < pg_rows(s, call); row++) {
            struct str id = pg_value(s, call, row, first_column + (int)c);
            if (id.len != ID_LEN) continue;
            struct name *name = find(r->worker->names, ref, id);
            if (name && name->until_us > now) continue;
            if (!f) f = arena_new(&r->arena, struct fetch);
            want_add(f, &r->arena, ref, id);
        }
    }
    if (f && !r->names_fetch) fetch_send(r, f);
    else f = NULL; /* fetched once for this request: good enough, however short it is kept */
    return f == NULL;
}
