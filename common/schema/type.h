/* type: what a field type means, one row per type: how JSON carries it, how text is checked, how SQL and JSON print it. */
#ifndef SCHEMA_TYPE_H
#define SCHEMA_TYPE_H

#include "base/arena.h"
#include "base/clock.h"
#include "json/json_read.h"
#include "schema/schema.h"

enum form { FORM_STRING, FORM_PLAIN, FORM_RAW }; /* a JSON string; one with nothing to escape; text that is JSON already */

struct type {
    const char *cast;     /* SQL type */
    const char *shown;    /* appended to a column that is read: "::text" where the binary format is no use */
    enum json_kind kind;  /* what JSON must carry */
    enum form form;
    const char *expected; /* said when JSON carries something else */
    /* Checks `text` and gives the SQL text of the value. NULL: fine; else the reason, static or in the arena. */
    const char *(*check)(struct arena *a, const struct field *f, struct str text, struct str *ret);
};
extern const struct type types[T_COUNT];

/* The wall clock of the API (APP_TIMEZONE). Set once, before the first request. */
void type_set_zone(const struct zone *z);
const struct zone *type_zone(void);

/* Labels of a dictionary (of T_CODES: codes) for an error's "allowed": "企业, 个人, ...". */
struct str type_allowed(struct arena *a, const struct field *f);

/* The SQL text of a value given as JSON or as query text. NULL: fine; else the reason. */
const char *type_read_json(struct arena *a, const struct field *f, const struct json *v, struct str *ret);
const char *type_read_text(struct arena *a, const struct field *f, struct str text, struct str *ret);

#endif
