/* schema: what a resource is, as tables that the generator makes from proto-json-schemas/<resource>.json.
 *
 * One row per field; what a type means (check, SQL cast, JSON form) is in schema/type.c, one row per type. The same
 * tables drive validation, SQL, JSON output, masking and OpenAPI. All of it is constant data. */
#ifndef SCHEMA_SCHEMA_H
#define SCHEMA_SCHEMA_H

#include "base/str.h"

enum field_type {
    T_TEXT,  /* one line, or many with F_MULTILINE */
    T_CODE,  /* [A-Za-z0-9_-] */
    T_UUID,
    T_INT,
    T_MONEY, /* exact, two decimals */
    T_QUANTITY, /* exact, three decimals, more than 0 */
    T_BOOL,
    T_DATE,  /* yyyy-MM-dd */
    T_TIME,  /* yyyy-MM-dd HH:mm:ss in APP_TIMEZONE */
    T_ENUM,  /* a label of field.dictionary; its code is accepted too */
    T_TAGS,  /* a set of short texts */
    T_CODES, /* a set of codes of field.dictionary, which need no quotes in SQL and JSON */
    T_PHONE,
    T_EMAIL,
    T_JSON,  /* an object, as it is; read-only */
    T_ITEMS, /* the record's own rows, each with the fields of field.items: written and read with it, as a whole */
    T_COUNT
};

enum field_flag {
    F_REQUIRED = 1 << 0,
    F_READONLY = 1 << 1,
    F_FILTER = 1 << 2,
    F_SORT = 1 << 3,
    F_SEARCH = 1 << 4,    /* part of keyword search; with F_JOINED: what it names is */
    F_PINYIN = 1 << 5,    /* its pinyin is kept for keyword search */
    F_EXACT = 1 << 6,     /* keyword matches it as a whole only */
    F_SECRET = 1 << 7,    /* personal or confidential: never logged, filtered or sorted by */
    F_UNIQUE = 1 << 8,    /* among live rows */
    F_JOINED = 1 << 9,    /* no column: the name of what `from` refers to */
    F_MULTILINE = 1 << 10,
    F_SEALED = 1 << 11,    /* stored encrypted: schema/seal.h; comes with F_SECRET */
    F_WRITEONLY = 1 << 12, /* taken, never shown: kept as <name>_hash, which the service makes (rest/rest.h) */
    F_CODED = 1 << 13      /* T_ENUM: kept as its code */
};

struct choice {
    struct str code, label;
};

struct dictionary {
    struct str name, title;
    const struct choice *choices;
    size_t count;
};

/* Where a reference points. `owner`: the target row's column that must be null or hold the referring row's id. `whose`: the one
 * that holds the user whose it is (struct resource, owner); NULL: everybody's. */
struct ref {
    const char *table, *id, *name, *owner, *whose;
};

struct field {
    struct str name; /* JSON key = column name */
    enum field_type type;
    unsigned flags;
    int min, max; /* characters, value or elements, by type */
    const struct dictionary *dictionary;
    const struct ref *ref;
    int from;         /* F_JOINED: index of the field whose `ref` it names; else -1 */
    const char *derived; /* no column: the SQL function of the row that says it; NULL: stored */
    struct str fallback; /* value on create when absent from the body; absent: none */
    int item_max;        /* T_TAGS: characters of one element */
    const struct resource *items; /* T_ITEMS */
};

enum view { VIEW_DETAIL, VIEW_LIST, VIEW_CREATED, VIEW_UPDATED, VIEW_COUNT };

/* Field indexes of one representation, in output order. */
struct field_list {
    const unsigned char *at;
    size_t count;
};

/* What is done with one record, each by who has the permission. */
enum act { ACT_VIEW, ACT_UPDATE, ACT_DELETE, ACT_UNMASK /* see F_SECRET fields of others' records */, ACT_COUNT };

struct resource {
    struct str name;  /* "customer" */
    const char *table; /* NULL: a message, not stored */
    const struct field *fields;
    size_t field_count;
    int id, version, dates, sort; /* field indexes; `dates` is what start_date/end_date mean; -1: none */
    bool sort_ascending;          /* default order */
    int owner;                    /* field index: whose the record is, which limits who reaches it (schema/scope.h); -1: everybody's */
    unsigned char permissions[ACT_COUNT]; /* enum permission */
    bool is_untold;               /* no event tells of it */
    bool is_appended;             /* rows are only added: rest/total.h */
    const char *const *event_columns; /* what events tell besides the fields, NULL-terminated; NULL: nothing */
    struct field_list views[VIEW_COUNT];
};

const struct field *schema_field(const struct resource *r, struct str name); /* NULL when unknown */
static inline int schema_index(const struct resource *r, const struct field *f)
{
    return (int)(f - r->fields);
}

/* Label of a dictionary entry given by label or code; absent when unknown. */
struct str dictionary_label(const struct dictionary *d, struct str label_or_code);
struct str dictionary_code(const struct dictionary *d, struct str label_or_code); /* its code, the same way */

#endif
