#include "schema/schema.h"

const struct field *schema_field(const struct resource *r, struct str name)
{
    for (size_t i = 0; i < r->field_count; i++)
        if (str_eq(r->fields[i].name, name)) return &r->fields[i];
    return NULL;
}

static const struct choice *find_choice(const struct dictionary *d, struct str label_or_code)
{
    for (size_t i = 0; i < d->count; i++)
        if (str_eq(d->choices[i].label, label_or_code) || str_eq(d->choices[i].code, label_or_code)) return &d->choices[i];
    return NULL;
}

struct str dictionary_label(const struct dictionary *d, struct str label_or_code)
{
    const struct choice *c = find_choice(d, label_or_code);
    return c ? c->label : STR_NONE;
}

struct str dictionary_code(const struct dictionary *d, struct str label_or_code)
{
    const struct choice *c = find_choice(d, label_or_code);
    return c ? c->code : STR_NONE;
}
