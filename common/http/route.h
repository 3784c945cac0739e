/* route: one row per operation, generated from proto-json-schemas/<service>.routes.json.
 *
 * A service's table (build/gen/<service>_routes.c) has handlers; the gateway's registry (build/gen/registry.c) has all
 * public rows of all services without them. Permission is a column: a row without it does not build. */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "base/str.h"

enum method { METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_PUT, METHOD_PATCH, METHOD_DELETE, METHOD_OPTIONS, METHOD_COUNT };
extern const struct str method_names[METHOD_COUNT];

enum rate_class { RATE_READ, RATE_WRITE, RATE_LOGIN, RATE_REPORT, RATE_INTERNAL };

/* What the gateway answers in place of a service that does not. */
enum degraded { DEGRADED_NONE, DEGRADED_STALE /* its last good answer, the same for everybody */ };

struct req;
struct resource;
typedef void (*handler_fn)(struct req *r);

/* An argument of an internal method that is a field of the request. */
struct rpc_field {
    struct str argument, field;
};

/* How an internal method (§4) carries its arguments: {"<id>": "...", "<body>": {...}}, or the body's fields one by one. */
struct rpc {
    struct str id, body; /* absent: takes none */
    const struct rpc_field *fields;
    size_t field_count;
};

struct route {
    enum method method;
    struct str path; /* "/api/v1/customers/{customer_id}" */
    handler_fn handler;
    const struct resource *resource, *request; /* request: what a procedure's body is read by; NULL: it takes none */
    const struct resource *parent; /* whose id the path of a list holds; NULL: none */
    const char *procedure; /* rest/call.c; else NULL */
    const char *only;      /* of a list: SQL function that says which rows are in it (schema/query.h); NULL: all */
    bool spans;            /* `only` takes a time from and to, too */
    unsigned char permission; /* enum permission; PERM_PUBLIC, PERM_AUTHENTICATED or a named one */
    unsigned char service;    /* enum service_id */
    unsigned char rate;       /* enum rate_class */
    bool audited;
    unsigned char degraded;   /* enum degraded */
    int timeout_ms;
    uint32_t body_max;        /* bytes; 0: as for all */
    struct str operation; /* operationId */
    const struct rpc *rpc;
};

struct route_table {
    const struct route *rows;
    size_t count;
};

#endif
