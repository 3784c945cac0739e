#include "rest/fingerprint.h"

#include "schema/seal.h"

static bool has_write_only(const struct resource *resource)
{
    for (size_t i = 0; i < resource->field_count; i++)
        if (resource->fields[i].flags & F_WRITEONLY) return true;
    return false;
}

/* "<field> <length> <value>" for each, so that no two sets of values give one text. */
static struct str other_values(struct arena *a, const struct resource *resource, const struct values *v)
{
    struct str all = STR("");
    for (size_t i = 0; i < resource->field_count; i++) {
        const struct field *f = &resource->fields[i];
        bool is_given = v->given >> i & 1;
        if (!is_given || f->flags & F_WRITEONLY) continue;
        const char *value = v->text[i] ? v->text[i] : "";
        all = arena_printf(a, "%.*s%.*s %zu%s %s\n", STR_ARG(all), STR_ARG(f->name), strlen(value), v->text[i] ? "" : " null", value);
    }
    return all;
}

const char *fingerprint_of(struct req *r, const struct resource *resource, const struct resource *body, const struct values *v)
{
    struct str content = body && has_write_only(body) ? other_values(&r->arena, body, v) : r->body;
    struct str whole = arena_printf(&r->arena, "%.*s %.*s\n%.*s", STR_ARG(method_names[r->method]), STR_ARG(r->path), STR_ARG(content));
    return seal_is_needed(resource) ? seal_digest(&r->arena, STR("idempotency"), whole) : whole.p;
}
