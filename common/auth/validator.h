/* validator: what the user of a token may do, as an outside authentication system says: GET validate with the token, answered by
 * {"valid": true, "permissions": ["customer:view", ...]} (requirement document, section 5.1.2).
 *
 * One per worker. An answer is kept for a while, so that is how long a change there takes to be known here. Requests with the same token
 * wait for one question. A breaker keeps a system that fails or hangs from holding up everybody: meanwhile nobody's permissions are
 * known beyond what is kept. */
#ifndef AUTH_VALIDATOR_H
#define AUTH_VALIDATOR_H

#include "auth/principal.h"
#include "http/req.h"

struct validator;

struct validator_config {
    struct str url;         /* with a path */
    int timeout_ms, ttl_ms; /* for an answer; how long one is kept */
};

enum verdict {
    VERDICT_VALID,
    VERDICT_INVALID, /* it says so, by "valid": false, 401 or 403 */
    VERDICT_UNKNOWN, /* no usable answer, or the breaker is open */
};

struct validator *validator_new(struct worker *w, const struct validator_config *config); /* NULL: malformed URL */
void validator_free(struct validator *v); /* before its client; who still waits gets VERDICT_UNKNOWN from inside */

/* Calls `done`, once, perhaps before this returns; r is held until then. VERDICT_VALID: r->who is a copy of `who` with the permissions. */
void validator_ask(struct validator *v, struct req *r, struct str token, const struct principal *who,
                   void (*done)(struct req *r, void *arg, enum verdict verdict), void *arg);

#endif
