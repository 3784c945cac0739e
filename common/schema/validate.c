#include "schema/validate.h"

#include "schema/mask.h"
#include "schema/type.h"

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
    if (kind == WRITE_CREATE) fill_absent(&c, body);
    return p->code == E_OK;
}
