/* rates: which limits a request falls under (requirement document, section 6.3): settings, and the windows that they make for a request.
 *
 * Whoever has a token is counted by user, or by client when it is a program; everybody else by address. Classes of routes have limits of
 * their own besides. */
#ifndef GATEWAY_RATES_H
#define GATEWAY_RATES_H

#include "base/config.h"
#include "base/gcra.h"
#include "http/route.h"

struct req;

enum rate_kind {
    RATE_OF_USER, RATE_OF_CLIENT, RATE_OF_ADDRESS,
    RATE_OF_CLASS, /* + enum rate_class; internal methods do not come by the gateway */
    RATE_KINDS = RATE_OF_CLASS + RATE_INTERNAL
};
enum { RATE_WINDOWS = 2 /* of a request: all that its sender does, and its class */, RATE_NAME_MAX = 7, RATE_ROLES_MAX = 16 };

struct rates {
    const char *text[RATE_KINDS], *roles_text, *open, *closed;
    int replicas, redis_ms;

    /* made of those */
    struct rate rate[RATE_KINDS];
    struct role_rate {
        struct str role;
        struct rate rate;
    } roles[RATE_ROLES_MAX];
    size_t role_count;
};
extern const struct opt rates_opts[];

bool rates_make(struct rates *r, struct buf *faults);

/* What becomes of a request while Redis is away. */
enum rate_fallback { FALLBACK_LOCAL, FALLBACK_OPEN, FALLBACK_CLOSED };
enum rate_fallback rates_fallback(const struct rates *r, const struct route *route);

/* One limit of one sender. */
struct rate_window {
    struct str key;  /* in Redis; what is in braces is the same for all windows of a request: one slot of a cluster */
    struct str name; /* of the policy, as headers show it; up to RATE_NAME_MAX */
    struct rate rate;
};

/* The windows of a request, in its arena; their number. */
size_t rates_of(const struct rates *r, struct req *q, struct rate_window ret[RATE_WINDOWS]);

#endif
