/* principal: who asks, as a verified token says it. */
#ifndef AUTH_PRINCIPAL_H
#define AUTH_PRINCIPAL_H

#include "base/str.h"

/* Whose records a user may see (requirement document, section 6.1): those of ... */
enum data_scope { SCOPE_OWN, SCOPE_DEPARTMENT, SCOPE_BELOW, SCOPE_ALL };

struct principal {
    struct str user_id, username, name; /* sub, preferred_username, name */
    struct str session_id;              /* jti */
    bool is_service;                    /* a program with a token of its own; user_id is its client_id */
    struct str roles, permissions;      /* JSON arrays of names, as in the token */
    enum data_scope scope;
    struct str department;              /* its path in the tree of departments, "1.4.7"; empty: none */
    int64_t generation;                 /* of the user, when the token was made: older ones are revoked */
    uint64_t granted[2];                /* bit per enum permission */
    int64_t expires_s;                  /* unix time */
};

static inline bool principal_may(const struct principal *p, unsigned permission)
{
    return p->granted[permission / 64] >> permission % 64 & 1;
}

#endif
