#include "schema/present.h"

#include "schema/type.h"

#include <stdlib.h>

enum { SECONDS_LEN = 19 }; /* yyyy-MM-dd HH:mm:ss */

/* `view` is a subset of the row's columns, most often the same list: then field i is column i. */
static size_t column_of(const struct row *row, const struct field_list *view, size_t i)
{
    if (view == row->columns) return i;
    for (size_t c = 0; c < row->columns->count; c++)
        if (row->columns->at[c] == view->at[i]) return c;
    abort();
}

static void present_value(struct jw *w, enum field_type type, struct str value)
{
    enum form form = types[type].form;
    if (str_is_none(value)) jw_null(w);
    else if (type == T_BOOL) jw_bool(w, value.p[0] == 't');
    else if (form == FORM_RAW) jw_raw(w, value);
    else if (form == FORM_TIME && value.len > SECONDS_LEN) jw_str(w, str_sub(value, 0, SECONDS_LEN));
    else jw_str(w, value);
}

void present_row(struct jw *w, const struct resource *r, enum view view, const struct row *row)
{
    const struct field_list *list = &r->views[view];
    jw_object(w);
    for (size_t i = 0; i < list->count; i++) {
        const struct field *f = &r->fields[list->at[i]];
        struct str value = row->value(row, column_of(row, list, i));
        if (f->flags & F_JOINED && !str_is_none(value)) value = row->name_of(row, r->fields[f->from].ref, value);
        jw_key(w, f->name);
        present_value(w, f->type, value);
    }
    jw_object_end(w);
}
