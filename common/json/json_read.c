/* Two steps. First a strict pass (RFC 8259) that copies the tokens: every string value gets an 's' in front, every
 * number becomes a string with an 'n' in front. Then cJSON builds the tree of that copy, which holds nothing that cJSON
 * gets wrong, and no numbers, which it would turn into doubles. */
#include "json/json_read.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/percent.h"
#include "base/utf8.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

struct reader {
    struct arena *arena;
    struct problem *problem;
    struct str text;
    size_t at;
    struct buf copy;
    int depth, values;
};

/* --- failing ------------------------------------------------------------------------------------------------------ */

static bool fail_at(struct reader *r, size_t byte, const char *reason)
{
    problem_add(r->problem, r->arena, E_BAD_JSON, STR_NONE,
                arena_printf(r->arena, "%s at byte %zu", reason, byte));
    return false;
}

static bool fail(struct reader *r, const char *reason)
{
    return fail_at(r, r->at, reason);
}

/* --- moving ------------------------------------------------------------------------------------------------------- */

static int peek(const struct reader *r)
{
    return r->at < r->text.len ? (unsigned char)r->text.p[r->at] : -1;
}

static bool next_is(struct reader *r, char c)
{
    if (peek(r) != c) return false;
    r->at++;
    return true;
}

static void skip_blanks(struct reader *r)
{
    while (peek(r) == ' ' || peek(r) == '\t' || peek(r) == '\n' || peek(r) == '\r') r->at++;
}

static void copy_since(struct reader *r, size_t start)
{
    buf_add(&r->copy, str_sub(r->text, start, r->at));
}

/* --- strings ------------------------------------------------------------------------------------------------------ */

/* The four digits after "\u"; -1 when they are not there. */
static int code_unit(struct reader *r)
{
    int unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit((char)peek(r));
        if (digit < 0) return -1;
        unit = unit << 4 | digit;
        r->at++;
    }
    return unit;
}

static bool is_surrogate(int unit, int first)
{
    return unit >= first && unit < first + 0x400;
}

static bool unicode_escape(struct reader *r)
{
    size_t start = r->at - 2;
    int unit = code_unit(r);
    if (unit < 0) return fail(r, "expected four hexadecimal digits");
    if (unit == 0) return fail_at(r, start, "U+0000 is not allowed");
    if (is_surrogate(unit, 0xDC00)) return fail_at(r, start, "lone surrogate");
    if (!is_surrogate(unit, 0xD800)) return true;
    if (!next_is(r, '\\') || !next_is(r, 'u') || !is_surrogate(code_unit(r), 0xDC00))
        return fail_at(r, start, "lone surrogate");
    return true;
}

static bool escape(struct reader *r)
{
    int c = peek(r);
    if (c <= 0 || !strchr("\"\\/bfnrtu", c)) return fail(r, "unknown escape");
    r->at++;
    return c != 'u' || unicode_escape(r);
}

static bool string_end(struct reader *r)
{
    for (;;) {
        int c = peek(r);
        if (c < 0) return fail(r, "unterminated string");
        if (c < 0x20) return fail(r, "unescaped control character");
        r->at++;
        if (c == '"') return true;
        if (c == '\\' && !escape(r)) return false;
    }
}

/* `mark` goes in front of the content; keys have none. */
static bool string(struct reader *r, const char *mark)
{
    size_t start = ++r->at; /* after the quote */
    if (!string_end(r)) return false;
    buf_addc(&r->copy, '"');
    buf_addz(&r->copy, mark);
    copy_since(r, start);
    return true;
}

/* --- numbers and words -------------------------------------------------------------------------------------------- */

static bool digits(struct reader *r)
{
    size_t start = r->at;
    while (peek(r) >= '0' && peek(r) <= '9') r->at++;
    return r->at > start || fail(r, "expected a digit");
}

static bool exponent(struct reader *r)
{
    if (!next_is(r, 'e') && !next_is(r, 'E')) return true;
    if (!next_is(r, '-')) next_is(r, '+');
    return digits(r);
}

static bool number(struct reader *r)
{
    size_t start = r->at;
    next_is(r, '-');
    if (!next_is(r, '0') && !digits(r)) return false;
    if (next_is(r, '.') && !digits(r)) return false;
    if (!exponent(r)) return false;
    buf_addz(&r->copy, "\"n");
    copy_since(r, start);
    buf_addc(&r->copy, '"');
    return true;
}

static bool word(struct reader *r, const char *z)
{
    struct str w = str_of(z);
    if (!str_has_prefix(str_sub(r->text, r->at, r->text.len), w)) return fail(r, "expected a value");
    r->at += w.len;
    buf_add(&r->copy, w);
    return true;
}

/* --- containers: value, array and object call each other, LIMIT_JSON_DEPTH deep at most --------------------------- */

static bool value(struct reader *r);

static bool member(struct reader *r)
{
    skip_blanks(r);
    if (peek(r) != '"') return fail(r, "expected a key");
    if (!string(r, "")) return false;
    skip_blanks(r);
    if (!next_is(r, ':')) return fail(r, "expected ':'");
    buf_addc(&r->copy, ':');
    return value(r);
}

static bool items(struct reader *r, bool (*item)(struct reader *), char close)
{
    skip_blanks(r);
    if (next_is(r, close)) return true;
    for (;;) {
        if (!item(r)) return false;
        if (next_is(r, close)) return true;
        if (!next_is(r, ',')) return fail(r, close == ']' ? "expected ',' or ']'" : "expected ',' or '}'");
        buf_addc(&r->copy, ',');
    }
}

static bool container(struct reader *r, bool (*item)(struct reader *), char open, char close)
{
    if (r->depth == LIMIT_JSON_DEPTH) return fail(r, "nested too deeply");
    r->depth++;
    r->at++;
    buf_addc(&r->copy, open);
    bool ok = items(r, item, close);
    buf_addc(&r->copy, close);
    r->depth--;
    return ok;
}

static bool value_start(struct reader *r)
{
    switch (peek(r)) {
    case '{': return container(r, member, '{', '}');
    case '[': return container(r, value, '[', ']');
    case '"': return string(r, "s");
    case 't': return word(r, "true");
    case 'f': return word(r, "false");
    case 'n': return word(r, "null");
    case '-': case '0' ... '9': return number(r);
    default: return fail(r, "expected a value");
    }
}

/* A value and the blanks around it. */
static bool value(struct reader *r)
{
    skip_blanks(r);
    if (++r->values > LIMIT_JSON_VALUES) return fail(r, "too many values");
    if (!value_start(r)) return false;
    skip_blanks(r);
    return true;
}

static bool document(struct reader *r)
{
    size_t valid = utf8_valid_len(r->text);
    if (valid < r->text.len) return fail_at(r, valid, "invalid UTF-8");
    return value(r) && (r->at == r->text.len || fail(r, "unexpected text after the value"));
}

/* --- duplicate keys, as decoded: "a" and "\u0061" are the same ---------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
    return strcmp((*(cJSON *const *)a)->string, (*(cJSON *const *)b)->string);
}

/* Sorting needs no hash that an attacker could make collide. */
static const char *repeated_member(const cJSON *object, size_t count)
{
    const cJSON **members = malloc(count * sizeof *members);
    if (!members) abort();
    size_t n = 0;
    for (const cJSON *m = object->child; m; m = m->next) members[n++] = m;
    qsort(members, n, sizeof *members, by_key);
    const char *repeated = NULL;
    for (size_t i = 1; i < n && !repeated; i++)
        if (by_key(&members[i - 1], &members[i]) == 0) repeated = members[i]->string;
    free(members);
    return repeated;
}

static const char *repeated_key(const cJSON *v)
{
    size_t count = 0;
    for (const cJSON *c = v->child; c; c = c->next, count++) {
        const char *inside = repeated_key(c);
        if (inside) return inside;
    }
    return cJSON_IsObject(v) && count > 1 ? repeated_member(v, count) : NULL;
}

/* --- both steps --------------------------------------------------------------------------------------------------- */

static void tree_free(void *tree)
{
    cJSON_Delete(tree);
}

static const struct json *tree_of(struct reader *r)
{
    cJSON *tree = cJSON_ParseWithLength(r->copy.data, r->copy.len);
    if (!tree) {
        fail_at(r, 0, "unreadable value");
        return NULL;
    }
    arena_defer(r->arena, tree_free, tree);
    const char *key = repeated_key(tree);
    if (!key) return (const struct json *)tree;
    problem_add(r->problem, r->arena, E_BAD_JSON, str_of(key), STR("duplicate key"));
    return NULL;
}

const struct json *json_read(struct arena *a, struct str text, struct problem *p)
{
    struct reader r = { .arena = a, .problem = p, .text = text };
    buf_init(&r.copy, text.len * 4 + 16); /* the worst case: [1,2,3 */
    const struct json *v = document(&r) ? tree_of(&r) : NULL;
    buf_done(&r.copy);
    return v;
}

/* --- the tree: struct json is a cJSON that only this file knows --------------------------------------------------- */

static const cJSON *node(const struct json *v)
{
    return (const cJSON *)v;
}

enum json_kind json_kind(const struct json *v)
{
    switch (node(v)->type & 0xFF) {
    case cJSON_Object: return JSON_OBJECT;
    case cJSON_Array: return JSON_ARRAY;
    case cJSON_String: return node(v)->valuestring[0] == 'n' ? JSON_NUMBER : JSON_STRING;
    case cJSON_True: case cJSON_False: return JSON_BOOL;
    default: return JSON_NULL;
    }
}

struct str json_text(const struct json *v)
{
    return cJSON_IsString(node(v)) ? str_of(node(v)->valuestring + 1) : STR_NONE;
}

bool json_is_true(const struct json *v)
{
    return cJSON_IsTrue(node(v));
}

const struct json *json_first(const struct json *container)
{
    return (const struct json *)node(container)->child;
}

const struct json *json_next(const struct json *v)
{
    return (const struct json *)node(v)->next;
}

struct str json_key(const struct json *member)
{
    return str_of(node(member)->string);
}

const struct json *json_get(const struct json *object, struct str key)
{
    const struct json *m = json_kind(object) == JSON_OBJECT ? json_first(object) : NULL;
    while (m && !str_eq(json_key(m), key)) m = json_next(m);
    return m;
}

size_t json_count(const struct json *container)
{
    size_t n = 0;
    for (const struct json *v = json_first(container); v; v = json_next(v)) n++;
    return n;
}

/* --- objects made of parts ---------------------------------------------------------------------------------------- */

struct json *json_object_new(struct arena *a)
{
    cJSON *object = arena_new(a, cJSON);
    object->type = cJSON_Object;
    return (struct json *)object;
}

void json_object_add(struct arena *a, struct json *object, struct str key, const struct json *value)
{
    cJSON *member = arena_new(a, cJSON), **end = &((cJSON *)object)->child;
    *member = *node(value);
    member->string = (char *)arena_cstr(a, key);
    member->next = NULL;
    while (*end) end = &(*end)->next;
    *end = member;
}
