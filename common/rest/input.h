/* input: what a write or a single read is given, the same for REST and internal methods. */
#ifndef REST_INPUT_H
#define REST_INPUT_H

#include "http/req.h"
#include "json/json_read.h"

enum {
    INPUT_ID = 1,
    INPUT_BODY = 2,
    INPUT_WRITE = 4, /* dry_run, If-Match, Idempotency-Key; without INPUT_BODY: INPUT_EMPTY */
    INPUT_EMPTY = 8, /* no body, or an empty object */
    INPUT_KEY = 16,  /* Idempotency-Key */
    INPUT_EXPLAIN = 32,
    INPUT_OPTIONAL = 64 /* INPUT_BODY: none is an empty object */
};

struct input {
    struct str id;             /* valid UUID; absent: none was asked for */
    const struct json *body;
    const struct json *fields; /* of an internal method: its arguments that are fields of the route's request */
    bool dry_run, explain;
    const char *versions;      /* If-Match as an int[] literal; NULL: none given, or "*" */
    struct str key;            /* Idempotency-Key; absent: none */
};

/* Reads path, query, header fields and body; false: r->problem says why. */
bool input_read(struct req *r, unsigned what, struct input *in);

#endif
