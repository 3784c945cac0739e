#include "schema/present.h"

#include "schema/mask.h"
#include "schema/type.h"

static void present_value(struct jw *w, enum field_type type, struct str value)
{
    if (str_is_none(value)) jw_null(w);
    else if (types[type].form == FORM_RAW) jw_raw(w, value);
    else if (types[type].form == FORM_PLAIN) jw_plain(w, value);
    else jw_str(w, value);
}

/* The room is that of the value, written before the next one is asked for. */
static struct str shown(const struct resource *r, const struct row *row, int index, char room[MASK_MAX])
{
    const struct field *f = &r->fields[index];
    if (f->flags & F_JOINED) return row->name_of(row, index);
    struct str value = row->value(row, index);
    return f->flags & F_SECRET && !row->in_clear ? mask(f, value, room) : value;
}

void present_fields(struct jw *w, const struct resource *r, const struct field_list *list, const struct row *row)
{
    char room[MASK_MAX];
    jw_object(w);
    for (size_t i = 0; i < list->count; i++) {
        int index = list->at[i];
        const struct field *f = &r->fields[index];
        jw_name(w, f->name);
        present_value(w, f->type, shown(r, row, index, room));
    }
    jw_object_end(w);
}

void present_row(struct jw *w, const struct resource *r, enum view view, const struct row *row)
{
    present_fields(w, r, &r->views[view], row);
}
