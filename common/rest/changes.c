#include "rest/changes.h"

#include "base/utf8.h"
#include "json/json_write.h"

/* The turn of an event (rest_turn.sql) is the number of its transaction or a later one: what finds it in the index is its turn. */
const struct pg_stmt stmt_images = {
    "images", "SELECT o.before, o.after FROM outbox o WHERE o.turn >= pg_current_xact_id() AND o.xid = pg_current_xact_id() "
              "AND o.aggregate_id = $1::uuid ORDER BY o.event_id"
};

enum { OUT_MAX = 1024 * 1024 };

/* --- an object as jsonb is printed: {"key": value, "key": value}, with keys that are columns' names -------------------------------- */

struct member {
    struct str key, value;
};

/* Up to the comma or the bracket that is behind it. */
static size_t value_len(struct str s)
{
    int depth = 0;
    bool is_text = false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        if (c == '"') is_text = !is_text;
        else if (is_text) i += c == '\\';
        else if (c == '{' || c == '[') depth++;
        else if (depth == 0 && (c == ',' || c == '}')) return i;
        else if (c == '}' || c == ']') depth--;
    }
    return s.len;
}

/* `rest`: what is behind the last member's value, or the whole object. false: there is no other. */
static bool next_member(struct str *rest, struct member *ret)
{
    const char *name = rest->len ? memchr(rest->p, '"', rest->len) : NULL;
    if (!name) return false;
    str_take(rest, (size_t)(name + 1 - rest->p));
    ret->key = str_cut(rest, '"');
    if (rest->len < sizeof ": " - 1) return false;
    str_take(rest, sizeof ": " - 1);
    ret->value = str_take(rest, value_len(*rest));
    return true;
}

/* The value of this name; absent: there is none. jsonb sorts its keys, so the one behind the last that was asked for is tried first. */
static struct str value_of(struct str object, struct str *rest, struct str key)
{
    struct member m;
    if (next_member(rest, &m) && str_eq(m.key, key)) return m.value;
    for (*rest = object; next_member(rest, &m);)
        if (str_eq(m.key, key)) return m.value;
    return STR_NONE;
}

/* --- what is told ------------------------------------------------------------------------------------------------------------------- */

static bool is_told(struct str column)
{
    static const char *const untold[] = { "version", "updated_by", "updated_time", "created_by", "created_time", "search_text", "pinyin" };
    for (size_t i = 0; i < sizeof untold / sizeof *untold; i++)
        if (str_is(column, untold[i])) return false;
    return !str_has_suffix(column, STR("_index")) && !str_has_suffix(column, STR("_hash"));
}

static bool is_secret(const struct resource *r, struct str column)
{
    const struct field *f = schema_field(r, column);
    return f && f->flags & (F_SECRET | F_WRITEONLY);
}

static bool is_nothing(struct str value)
{
    return str_is_none(value) || str_is(value, "null");
}

/* Where the first CHANGES_KEPT characters end; what JSON escapes is one. */
static size_t kept_len(struct str text)
{
    size_t at = 0, len;
    if (text.len <= CHANGES_KEPT) return text.len;
    for (int n = 0; n < CHANGES_KEPT && at < text.len; n++) {
        if (text.p[at] == '\\') len = text.p[at + 1] == 'u' ? 6 : 2;
        else utf8_first(str_sub(text, at, text.len), &len);
        at += len;
    }
    return at < text.len ? at : text.len;
}

static void add_text(struct jw *w, struct arena *a, struct str quoted)
{
    struct str text = str_sub(quoted, 1, quoted.len - 1);
    size_t kept = kept_len(text);
    jw_raw(w, kept == text.len ? quoted : arena_printf(a, "\"%.*s…\"", (int)kept, text.p));
}

static void add_value(struct jw *w, struct arena *a, struct str value, bool hides)
{
    bool is_text = value.len && *value.p == '"';
    size_t kept = is_text ? 0 : kept_len(value);
    if (is_nothing(value)) jw_null(w);
    else if (hides) jw_plain(w, STR("***"));
    else if (is_text) add_text(w, a, value);
    else if (kept == value.len) jw_raw(w, value);
    else jw_str(w, arena_printf(a, "%.*s…", (int)kept, value.p));
}

static void add_change(struct jw *w, struct arena *a, struct member m, struct str was, bool hides)
{
    jw_name(w, m.key);
    jw_array(w);
    add_value(w, a, was, hides);
    add_value(w, a, m.value, hides);
    jw_array_end(w);
}

struct str changes_between(struct arena *a, const struct resource *r, struct str before, struct str after)
{
    struct str rest = before;
    struct buf b;
    int changed = 0;
    buf_init(&b, OUT_MAX);
    struct jw w = jw_to(&b);
    jw_object(&w);
    for (struct member m; next_member(&after, &m);) {
        struct str was = value_of(before, &rest, m.key);
        bool is_same = is_nothing(was) ? is_nothing(m.value) : str_eq(was, m.value);
        if (is_same || !is_told(m.key)) continue;
        add_change(&w, a, m, was, is_secret(r, m.key));
        changed++;
    }
    jw_object_end(&w);
    struct str told = changed && buf_ok(&b) ? arena_dup(a, buf_str(&b)) : STR_NONE;
    buf_done(&b);
    return told;
}

struct str changes_of(struct arena *a, const struct resource *r, const struct pg_segment *s, int call)
{
    int events = pg_rows(s, call);
    if (!events) return STR_NONE;
    return changes_between(a, r, pg_value(s, call, 0, 0), pg_value(s, call, events - 1, 1));
}
