/* JSON texts: a tree within the limits that is the same when written and read again, or a reason. */
#include "fuzz.h"

#include "base/limits.h"
#include "json/json_read.h"
#include "json/json_write.h"

static void write_value(struct jw *w, const struct json *v, int depth, int *values);

static void write_members(struct jw *w, const struct json *container, int depth, int *values)
{
    bool is_object = json_kind(container) == JSON_OBJECT;
    size_t count = 0;
    for (const struct json *v = json_first(container); v; v = json_next(v), count++) {
        if (is_object) {
            must(json_get(container, json_key(v)) == v); /* each key once */
            jw_key(w, json_key(v));
        }
        write_value(w, v, depth, values);
    }
    must(count == json_count(container));
}

static void write_value(struct jw *w, const struct json *v, int depth, int *values)
{
    must(++*values <= LIMIT_JSON_VALUES);
    switch (json_kind(v)) {
    case JSON_NULL: jw_null(w); break;
    case JSON_BOOL: jw_bool(w, json_is_true(v)); break;
    case JSON_NUMBER: jw_raw(w, json_text(v)); break;
    case JSON_STRING:
        must(utf8_valid(json_text(v)) && !memchr(json_text(v).p, 0, json_text(v).len));
        jw_str(w, json_text(v));
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        must(depth < LIMIT_JSON_DEPTH);
        bool is_object = json_kind(v) == JSON_OBJECT;
        is_object ? jw_object(w) : jw_array(w);
        write_members(w, v, depth + 1, values);
        is_object ? jw_object_end(w) : jw_array_end(w);
        break;
    }
}

static struct str written(struct buf *out, const struct json *v)
{
    struct jw w = jw_to(out);
    int values = 0;
    write_value(&w, v, 0, &values);
    must(buf_ok(out));
    return buf_str(out);
}

/* cJSON would end the text there. In an accepted text a backslash always begins an escape. */
static bool has_escaped_nul(struct str text)
{
    for (size_t i = 0; i + 6 <= text.len; i++) {
        if (text.p[i] != '\\') continue;
        if (memcmp(text.p + i + 1, "u0000", 5) == 0) return true;
        i++;
    }
    return false;
}

static void check_again(struct arena *a, const struct json *v)
{
    struct buf first, second;
    struct problem p = { 0 };
    buf_init(&first, 1 << 24);
    buf_init(&second, 1 << 24);
    const struct json *again = json_read(a, written(&first, v), &p);
    must(again && p.code == E_OK);
    must(str_eq(written(&second, again), buf_str(&first)));
    buf_done(&first);
    buf_done(&second);
}

/* Nothing gets as far as cJSON that it would not read. */
static void check_refused(const struct problem *p)
{
    must(p->code == E_BAD_JSON && p->details);
    must(!str_has_prefix(p->details->reason, STR("unreadable value")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct problem p = { 0 };
    arena_init(&a);
    const struct json *v = json_read(&a, fuzz_input(data, size), &p);
    if (v) must(p.code == E_OK && !p.details && !has_escaped_nul(fuzz_input(data, size)));
    if (v) check_again(&a, v);
    else check_refused(&p);
    arena_done(&a);
    return 0;
}
