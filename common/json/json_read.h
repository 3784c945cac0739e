/* json_read: strict JSON in (RFC 8259), as a read-only tree that lives in an arena.
 *
 * One pass over the bytes refuses what cJSON would let through: invalid UTF-8, unescaped control characters, U+0000,
 * lone surrogates, duplicate keys, trailing bytes, depth over LIMIT_JSON_DEPTH, more than LIMIT_JSON_VALUES values,
 * malformed numbers, a byte order mark. Numbers keep their text: nothing is ever a double. json_read.c is the only
 * user of cJSON. */
#ifndef JSON_READ_H
#define JSON_READ_H

#include "base/err.h"

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json; /* one value; owned by the arena */

/* The tree of `text`, or NULL with `p` set to E_BAD_JSON and a detail that says what is wrong and at which byte
 * (a duplicate key: its name as the field). */
const struct json *json_read(struct arena *a, struct str text, struct problem *p);

enum json_kind json_kind(const struct json *v);
struct str json_text(const struct json *v); /* a string's content or a number's literal text; else absent */
bool json_is_true(const struct json *v);

const struct json *json_get(const struct json *object, struct str key); /* case-sensitive; NULL when absent */
const struct json *json_first(const struct json *container);            /* first element or member; NULL when empty */
const struct json *json_next(const struct json *v);
struct str json_key(const struct json *member);
size_t json_count(const struct json *container);

/* An object made of members of others: `value` itself is not changed, and not copied but for its top. */
struct json *json_object_new(struct arena *a);
void json_object_add(struct arena *a, struct json *object, struct str key, const struct json *value); /* key: of none yet */

#endif
