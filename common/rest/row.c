#include "rest/row.h"

#include "http/worker.h"
#include "rest/names.h"

static struct str value_of(const struct row *row, size_t column)
{
    const struct segment_row *sr = (const struct segment_row *)row;
    return pg_value(sr->segment, sr->call, sr->at, sr->first_column + (int)column);
}

static struct str name_of(const struct row *row, const struct ref *ref, struct str id)
{
    return names_find(row->names, ref, id);
}

struct segment_row segment_row(struct req *r, const struct pg_segment *s, int call, int at, int first_column,
                               const struct field_list *columns)
{
    return (struct segment_row){
        .row = { .columns = columns, .value = value_of, .name_of = name_of, .names = r->worker->names },
        .segment = s, .call = call, .at = at, .first_column = first_column,
    };
}
