/* model: what the schema folder says, read and checked; the writers only print it.
 *
 * Everything here lives until the process ends: schemagen is a one-shot program and frees nothing. Strings and cJSON
 * nodes belong to the parsed files. Field types, flags, methods and rate classes are the run-time's own enumerations,
 * so the generator cannot name one that the library does not know. */
#ifndef GENERATOR_MODEL_H
#define GENERATOR_MODEL_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "http/route.h"
#include "schema/schema.h"

struct dict {
    const char *name, *title;
    const cJSON *entries; /* array of {"const": code, "title": label} */
};

struct property {
    const char *name, *title;
    enum field_type type;
    unsigned flags;          /* enum field_flag */
    int min, max, item_max;  /* as in struct field */
    const struct dict *dict; /* T_ENUM only */
    const char *items_file;  /* T_ITEMS: the schema of its rows */
    const struct schema *items;
    const cJSON *ref;        /* x-ref or NULL */
    const char *ref_whose;   /* column of what it refers to that says whose that is; NULL: everybody's */
    int from;                /* F_JOINED: index of the property whose reference it names; else -1 */
    const char *derived;     /* SQL function or NULL */
    const char *fallback;    /* "default" or NULL */
    const cJSON *example;    /* first of "examples" */
    const cJSON *json;
};

struct field_view {
    int *at; /* property indexes */
    size_t count;
};

struct schema {
    const char *name, *file, *title;
    const cJSON *json;
    bool has_table;        /* becomes a struct resource; else it only documents a reply */
    const char *sql_table; /* NULL: a message, not stored */
    struct property *properties;
    size_t count;
    int id, version, dates, sort, owner; /* property indexes; -1: none */
    const cJSON *event_columns;          /* array of column names or NULL */
    bool is_untold;                      /* "events": false */
    bool is_appended;                    /* "appended": true */
    bool sort_ascending;
    const char *permissions[ACT_COUNT];  /* NULL: none */
    struct field_view views[VIEW_COUNT];
};

enum action { ACTION_LIST, ACTION_GET, ACTION_CREATE, ACTION_UPDATE, ACTION_DELETE, ACTION_RESTORE, ACTION_CALL, ACTION_CUSTOM };

struct operation {
    enum method method;
    enum rate_class rate;
    enum action action;
    const char *path, *id, *summary, *description, *tag, *permission, *since;
    const char *handler;                          /* C symbol */
    bool own_handler;                             /* of the service, for the action when there is one; else common/rest's */
    struct schema *resource, *request, *response; /* NULL: none */
    const struct schema *parent;                  /* of a list under a record */
    bool response_is_list, no_envelope, audited, deprecated;
    int timeout_ms, body_max; /* body_max: bytes, 0: as for all */
    enum degraded degraded;
    const char *procedure; /* ACTION_CALL */
    const char *only;      /* ACTION_LIST: SQL function, or NULL */
    bool spans;
    const cJSON *rpc; /* {"id", "body", "fields"} or NULL */
};

struct service {
    const char *name, *file, *title, *version;
    const char *symbol; /* "customer_service" */
    int port;
    struct operation *operations;
    size_t count;
};

struct model {
    struct dict *dicts;
    size_t dict_count;
    struct schema *schemas;
    size_t schema_count;
    struct service *services;
    size_t service_count;
    const cJSON *permissions; /* object: name -> Chinese description, sorted by name */
};

const struct dict *model_dict(const struct model *m, const char *name); /* NULL when unknown */
void model_add_dict(struct model *m, struct dict d);
struct schema *model_schema(const struct model *m, const char *name);   /* NULL when unknown */
int schema_property(const struct schema *s, const char *name);          /* index; -1 when unknown */
struct field_view schema_whole(const struct schema *s);                 /* all properties, those that no view shows too */

static inline bool operation_is_internal(const struct operation *o)
{
    return o->rate == RATE_INTERNAL;
}

/* In this order; each ends the process on the first thing that is wrong (source_fail). */
void model_read_dictionaries(struct model *m, const char *folder);
void model_read_permissions(struct model *m, const char *folder);
void model_open_schemas(struct model *m, const char *folder); /* names only: routes decide which become tables */
void model_read_services(struct model *m, const char *folder);
void model_read_schemas(struct model *m);
void model_check(struct model *m); /* what concerns more than one file */

#endif
