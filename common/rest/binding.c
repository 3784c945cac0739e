#include "rest/binding.h"

#include "base/pinyin.h"
#include "base/uuid.h"
#include "schema/seal.h"

void binding_add(struct sql_params *p, struct arena *a, const struct resource *resource, const char *id, const struct values *v)
{
    unsigned char bytes[UUID_BYTES];
    uuid_bytes(str_of(id), bytes);
    for (size_t i = 0; i < resource->field_count; i++) {
        const struct field *f = &resource->fields[i];
        const char *text = v->text[i];
        if (!sql_is_writable(f)) continue;
        p->values[p->count++] = f->flags & F_SEALED ? seal_write(a, resource, f, bytes, text) : text;
        if (sql_has_index(f)) p->values[p->count++] = seal_index(a, resource, f, text);
    }
}

const char *binding_pinyin(struct arena *a, const struct resource *resource, const struct values *v)
{
    for (size_t i = 0; i < resource->field_count; i++)
        if (resource->fields[i].flags & F_PINYIN && v->text[i]) return arena_cstr(a, pinyin_of(a, str_of(v->text[i])));
    return NULL;
}

const char *binding_given(struct arena *a, const struct resource *resource, const struct values *v)
{
    uint64_t bits = 0;
    int n = 0;
    for (size_t i = 0; i < resource->field_count; i++)
        if (sql_is_writable(&resource->fields[i])) bits |= (v->given >> i & 1) << n++;
    return arena_printf(a, "%lld", (long long)bits).p;
}
