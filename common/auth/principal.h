/* principal: who asks, as a verified token says it. */
#ifndef AUTH_PRINCIPAL_H
#define AUTH_PRINCIPAL_H

#include "base/str.h"

struct principal {
    struct str user_id, username, name; /* sub, preferred_username, name */
    struct str session_id;              /* jti */
    struct str roles, permissions;      /* JSON arrays of names, as in the token */
    uint64_t granted[2];                /* bit per enum permission */
    int64_t expires_s;                  /* unix time */
};

static inline bool principal_may(const struct principal *p, unsigned permission)
{
    return p->granted[permission / 64] >> permission % 64 & 1;
}

#endif
