#include "schema/validate.h"

#include "base/buf.h"
#include "json/json_write.h"
#include "schema/mask.h"
#include "schema/type.h"

enum { ITEMS_BYTES_MAX = 1024 * 1024 };

struct validation {
    struct arena *a;
    const struct resource *r;
    enum write_kind kind;
    struct values *v;
    struct problem *p;
};

static void bad_field(struct validation *c, struct str name, const char *reason, struct str allowed)
{
    problem_add(c->p, c->a, E_INVALID_FIELD, name, str_of(reason))->allowed = allowed;
}

static void set_value(struct validation *c, int index, struct str text)
{
    c->v->text[index] = str_is_none(text) ? NULL : arena_cstr(c->a, text);
    c->v->given |= UINT64_C(1) << index;
}

/* Only what is stored is ever shown masked. */
static bool is_mask(const struct validation *c, const struct field *f, const struct json *v)
{
    return c->r->table && json_kind(v) == JSON_STRING && mask_marks(f, json_text(v));
}

static void read_mask(struct validation *c, const struct field *f, const struct json *v)
{
    int index = schema_index(c->r, f);
    c->v->masked |= UINT64_C(1) << index;
    c->v->text[index] = arena_cstr(c->a, json_text(v));
    if (c->kind == WRITE_CREATE) bad_field(c, f->name, "is masked", STR_NONE);
}

/* --- rows ----------------------------------------------------------------------------------------------------------------- */

static void write_value(struct jw *w, const struct field *f, const char *text)
{
    jw_name(w, f->name);
    if (types[f->type].form == FORM_RAW) jw_raw(w, str_of(text));
    else jw_str(w, str_of(text));
}

static void write_row(struct jw *w, const struct resource *row, const struct values *v)
{
    jw_object(w);
    for (size_t i = 0; i < row->field_count; i++)
        if (v->text[i]) write_value(w, &row->fields[i], v->text[i]);
    jw_object_end(w);
}

static void pass_faults(struct validation *c, const struct field *f, int place, const struct problem *of_row)
{
    for (const struct detail *d = of_row->details; d; d = d->next)
        bad_field(c, arena_printf(c->a, "%.*s[%d].%.*s", STR_ARG(f->name), place, STR_ARG(d->field)), arena_cstr(c->a, d->reason),
                  d->allowed);
}

static void read_items(struct validation *c, const struct field *f, const struct json *v)
{
    size_t count = json_kind(v) == JSON_ARRAY ? json_count(v) : 0;
    if (json_kind(v) != JSON_ARRAY) return bad_field(c, f->name, types[T_ITEMS].expected, STR_NONE);
    if (count < (size_t)f->min || count > (size_t)f->max)
        return bad_field(c, f->name, arena_printf(c->a, "must have %d to %d elements", f->min, f->max).p, STR_NONE);
    struct buf b;
    int place = 0;
    buf_init(&b, ITEMS_BYTES_MAX);
    struct jw w = jw_to(&b);
    jw_array(&w);
    for (const struct json *e = json_first(v); e; e = json_next(e), place++) {
        struct values values;
        struct problem faults = { 0 };
        if (validate_body(c->a, f->items, e, WRITE_ROW, &values, &faults)) write_row(&w, f->items, &values);
        else pass_faults(c, f, place, &faults);
    }
    jw_array_end(&w);
    if (!buf_ok(&b)) bad_field(c, f->name, "is too long", STR_NONE);
    else set_value(c, schema_index(c->r, f), buf_str(&b));
    buf_done(&b);
}

/* --- members ---------------------------------------------------------------------------------------------------------------- */

static void read_member(struct validation *c, const struct json *member)
{
    const struct field *f = schema_field(c->r, json_key(member));
    if (!f) {
        bad_field(c, json_key(member), "is not a known field", STR_NONE);
    } else if (f->flags & F_READONLY) {
        if (c->kind == WRITE_CREATE) bad_field(c, f->name, "is set by the server", STR_NONE);
    } else if (json_kind(member) == JSON_NULL) {
        if (f->flags & F_REQUIRED || !str_is_none(f->fallback)) bad_field(c, f->name, "must not be null", STR_NONE);
        else set_value(c, schema_index(c->r, f), STR_NONE);
    } else if (f->type == T_ITEMS) {
        read_items(c, f, member);
    } else if (is_mask(c, f, member)) {
        read_mask(c, f, member);
    } else {
        struct str text = STR_NONE;
        const char *reason = type_read_json(c->a, f, member, &text);
        if (reason) bad_field(c, f->name, reason, type_allowed(c->a, f));
        else set_value(c, schema_index(c->r, f), text);
    }
}

static void fill_absent(struct validation *c, const struct json *body)
{
    for (size_t i = 0; i < c->r->field_count; i++) {
        const struct field *f = &c->r->fields[i];
        if (json_get(body, f->name)) continue;
        if (f->flags & F_REQUIRED) bad_field(c, f->name, "is required", type_allowed(c->a, f));
        else if (!str_is_none(f->fallback)) set_value(c, (int)i, f->fallback);
    }
}

bool validate_body(struct arena *a, const struct resource *r, const struct json *body, enum write_kind kind, struct values *v,
                   struct problem *p)
{
    struct validation c = { a, r, kind, v, p };
    *v = (struct values){ 0 };
    if (!body || json_kind(body) != JSON_OBJECT) {
        problem_add(p, a, E_INVALID_FIELD, STR("body"), STR("must be a JSON object"));
        return false;
    }
    for (const struct json *m = json_first(body); m; m = json_next(m)) read_member(&c, m);
    if (kind != WRITE_UPDATE) fill_absent(&c, body);
    return p->code == E_OK;
}
