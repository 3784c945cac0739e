/* router: finds the row of a route table for a method and a path in normal form.
 *
 * Built once per worker from a route table; a static segment wins over a parameter ("/customers/export" before
 * "/customers/{customer_id}"). HEAD finds the GET row. */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include "base/limits.h"
#include "http/route.h"

struct router;

struct route_match {
    const struct route *route;               /* NULL: none */
    struct str params[LIMIT_PATH_PARAMS];    /* slices of the path, in template order */
    unsigned allowed;                        /* methods that exist for this path, as bits 1 << enum method */
};

struct router *router_new(const struct route_table *table); /* aborts on two rows with the same method and shape */
void router_free(struct router *r);
struct route_match router_find(const struct router *r, enum method method, struct str path);

#endif
