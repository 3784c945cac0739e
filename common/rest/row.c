#include "rest/row.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/uuid.h"
#include "http/worker.h"
#include "rest/names.h"
#include "rest/sight.h"
#include "schema/seal.h"
#include "schema/type.h"

enum { EPOCH_2000_S = 946684800, SECOND_US = 1000000 }; /* PostgreSQL counts microseconds since 2000 */

struct str rows_bytes(const struct rows *rows, int at, int field)
{
    return pg_value(rows->segment, rows->call, at, rows->first_column + rows->columns->at[field]);
}

static int64_t big_endian(struct str bytes)
{
    int64_t n = (signed char)bytes.p[0];
    for (size_t i = 1; i < bytes.len; i++) n = (int64_t)((uint64_t)n << 8 | (unsigned char)bytes.p[i]);
    return n;
}

static struct str uuid_value(struct arena *a, struct str bytes)
{
    char *text = arena_alloc(a, UUID_LEN + 1);
    uuid_text((const unsigned char *)bytes.p, text);
    return (struct str){ text, UUID_LEN };
}

static struct str time_value(struct arena *a, struct str bytes)
{
    int64_t us = big_endian(bytes), second = us / SECOND_US - (us % SECOND_US < 0);
    char *text = arena_alloc(a, TIME_LEN + 1);
    time_write(type_zone(), second + EPOCH_2000_S, text);
    return (struct str){ text, TIME_LEN };
}

static struct str int_value(struct arena *a, struct str bytes)
{
    char room[24];
    struct buf digits = { .data = room, .cap = sizeof room, .max = sizeof room };
    buf_addi(&digits, big_endian(bytes));
    return arena_dup(a, buf_str(&digits));
}

static struct str bool_value(struct arena *a, struct str bytes)
{
    (void)a;
    return bytes.p[0] ? STR("true") : STR("false");
}

/* {a,b}: codes need no quotes. */
static struct str codes_value(struct arena *a, struct str array)
{
    struct buf b;
    buf_init(&b, array.len * 3 + 2);
    struct jw w = jw_to(&b);
    struct str rest = array.len > 2 ? str_sub(array, 1, array.len - 1) : STR_NONE;
    jw_array(&w);
    while (!str_is_none(rest)) jw_plain(&w, str_cut(&rest, ','));
    jw_array_end(&w);
    struct str json = arena_dup(a, buf_str(&b));
    buf_done(&b);
    return json;
}

static struct str (*const converters[T_COUNT])(struct arena *a, struct str bytes) = {
    [T_UUID] = uuid_value, [T_TIME] = time_value, [T_INT] = int_value, [T_BOOL] = bool_value, [T_CODES] = codes_value,
};

/* What does not open is never shown as something else: the whole reply becomes an error. */
static struct str sealed_value(const struct rows *rows, int at, const struct field *f, struct str bytes)
{
    const struct resource *r = rows->resource;
    const unsigned char *id = (const unsigned char *)rows_bytes(rows, at, r->id).p;
    struct str text;
    const char *fault = seal_read(&rows->req->arena, r, f, id, bytes, &text);
    if (!fault) return text;
    char record[UUID_LEN + 1];
    uuid_text(id, record);
    log_error("stored value cannot be shown", LOG_STR("resource", r->name), LOG_Z("record", record), LOG_STR("field", f->name),
              LOG_Z("reason", fault));
    problem_set(&rows->req->problem, E_INTERNAL);
    return STR_NONE;
}

static struct str value(const struct row *row, int field)
{
    const struct rows_row *at = (const struct rows_row *)row;
    const struct rows *rows = at->rows;
    struct str bytes = rows_bytes(rows, at->at, field);
    const struct field *f = &rows->resource->fields[field];
    if (str_is_none(bytes)) return bytes;
    if (f->flags & F_SEALED) return sealed_value(rows, at->at, f, bytes);
    if (f->flags & F_CODED) return dictionary_label(f->dictionary, bytes);
    return converters[f->type] ? converters[f->type](&rows->req->arena, bytes) : bytes;
}

static struct str name_of(const struct row *row, int field)
{
    const struct rows_row *at = (const struct rows_row *)row;
    const struct resource *r = at->rows->resource;
    int from = r->fields[field].from;
    struct str id = rows_bytes(at->rows, at->at, from);
    return str_is_none(id) ? id : names_find(at->rows->req->worker->names, r->fields[from].ref, id);
}

static bool is_in_clear(const struct rows *rows, int at)
{
    const struct resource *r = rows->resource;
    if (sight_of_secrets(rows->req, r)) return true;
    return r->owner >= 0 && sight_is_owner(rows->req, rows_bytes(rows, at, r->owner));
}

struct rows_row rows_row(const struct rows *rows, int at)
{
    return (struct rows_row){ .row = { value, name_of, is_in_clear(rows, at) }, .rows = rows, .at = at };
}
