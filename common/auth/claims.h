/* claims: what a token says, judged: who its user is and what it may, if all that must be said is said. The signature is auth/token's.
 *
 * Our own tokens say everything. Those of an outside authentication system (requirement document, section 5.1) have no documented
 * claims, so only `exp` and a UUID as `sub` or `user_id` are demanded; what else they say counts, what they leave out has a default,
 * and what the user may is not theirs to say: auth/validator asks. */
#ifndef AUTH_CLAIMS_H
#define AUTH_CLAIMS_H

#include "auth/principal.h"
#include "base/arena.h"
#include "json/json_read.h"

#define TOKEN_ISSUER   "crm-auth"
#define TOKEN_AUDIENCE "crm"

struct token_rules {
    const char *issuer, *audience; /* NULL: any, for is_foreign only */
    const char *service;           /* our own name: tokens of services may be for it alone; NULL: none may */
    bool is_foreign;               /* tokens of an outside system */
    enum data_scope scope;         /* is_foreign: of a user whose token has none */
    struct str secret;             /* HS256 by it, and by nothing else; absent: ES256 by published keys */
};

/* NULL: `who` is filled, with texts of the arena. Else why not, static, for the log. */
const char *claims_read(struct arena *a, const struct json *claims, const struct token_rules *rules, int64_t now_s, struct principal *who);

/* An array of names, {"<name>": ["...", ...]}, as JSON text of the arena; false: it is none. `who` not NULL: these permissions are its. */
bool claims_names(struct arena *a, const struct json *object, struct str name, struct principal *who, struct str *ret);

bool scope_read(struct str name, enum data_scope *ret); /* "own", "department", "department_and_below", "all" */

#endif
