#include "rest/echo.h"

#include "rest/row.h"
#include "rest/sight.h"
#include "schema/mask.h"

static bool has(uint64_t bits, size_t field)
{
    return bits >> field & 1;
}

static bool is_null_mask(const struct resource *resource, const struct values *v, size_t field)
{
    const struct field *f = &resource->fields[field];
    return f->flags & F_SECRET && mask_is_null(f) && has(v->given, field) && !v->text[field];
}

static bool is_there(const struct req *r, const struct resource *resource, const struct values *v)
{
    bool there = v->masked;
    for (size_t i = 0; i < resource->field_count && !there; i++)
        there = is_null_mask(resource, v, i) && !sight_of_secrets(r, resource);
    return there;
}

bool echo_look(struct req *r, const struct statements *s, struct str id, const struct values *v, struct found *ret)
{
    if (!is_there(r, s->resource, v)) return false;
    lookup_start(r, s, id, ret);
    return true;
}

static bool is_listed(const char *versions, struct str version)
{
    struct str rest = str_of(versions);
    rest = str_sub(rest, 1, rest.len - 1); /* {1,2} */
    while (!str_is_none(rest))
        if (str_eq(str_cut(&rest, ','), version)) return true;
    return false;
}

static void settle_mask(struct req *r, const struct rows_row *stored, struct values *v, size_t field)
{
    const struct field *f = &stored->rows->resource->fields[field];
    char room[MASK_MAX];
    if (!str_eq(mask(f, stored->row.value(&stored->row, (int)field), room), str_of(v->text[field])))
        problem_add(&r->problem, &r->arena, E_INVALID_FIELD, f->name, STR("is masked, and not as the stored value is"));
    v->text[field] = NULL;
}

static void settle(struct req *r, const struct rows_row *stored, struct values *v)
{
    const struct resource *resource = stored->rows->resource;
    for (size_t i = 0; i < resource->field_count; i++) {
        if (has(v->masked, i)) settle_mask(r, stored, v, i);
        if (is_null_mask(resource, v, i) && !stored->row.in_clear) v->given &= ~(UINT64_C(1) << i);
    }
}

bool echo_settle(struct req *r, const struct statements *s, const struct found *stored, const char *versions, struct values *v)
{
    struct rows rows = { .req = r, .resource = s->resource, .columns = &s->detail, .segment = stored->segment };
    if (stored->row < 0) problem_set(&r->problem, E_NOT_FOUND);
    else {
        struct rows_row row = rows_row(&rows, stored->row);
        if (!versions || is_listed(versions, row.row.value(&row.row, s->resource->version))) settle(r, &row, v);
    }
    return r->problem.code == E_OK;
}
