#include "rest/sight.h"

#include "auth/principal.h"
#include "base/uuid.h"

/* "1.4.7". Anything else could mean more in a pattern than it says. */
static bool is_path(struct str department)
{
    for (size_t i = 0; i < department.len; i++)
        if (!strchr("0123456789.", department.p[i]) || !department.p[i]) return false;
    return department.len;
}

/* Who is in no department has his own records. */
static enum data_scope scope_of(const struct req *r)
{
    if (!r->who) return SCOPE_OWN;
    return r->who->scope != SCOPE_ALL && !is_path(r->who->department) ? SCOPE_OWN : r->who->scope;
}

struct scope sight_scope(struct req *r)
{
    enum data_scope scope = scope_of(r);
    struct scope s = { .user = r->who ? arena_cstr(&r->arena, r->who->user_id) : NULL, .reach = SCOPE_NOBODY };
    if (scope == SCOPE_ALL) s.reach = NULL;
    else if (scope != SCOPE_OWN)
        s.reach = arena_printf(&r->arena, "%.*s.%s", STR_ARG(r->who->department), scope == SCOPE_BELOW ? "%" : "").p;
    return s;
}

bool sight_is_owner(const struct req *r, struct str owner)
{
    unsigned char user[UUID_BYTES];
    return r->who && owner.len == UUID_BYTES && uuid_bytes(r->who->user_id, user) && !memcmp(user, owner.p, UUID_BYTES);
}

bool sight_needs_department(const struct req *r)
{
    enum data_scope scope = scope_of(r);
    return scope == SCOPE_DEPARTMENT || scope == SCOPE_BELOW;
}

bool sight_reaches(const struct req *r, struct str owner, struct str department)
{
    enum data_scope scope = scope_of(r);
    if (scope == SCOPE_ALL || sight_is_owner(r, owner)) return true;
    if (scope == SCOPE_OWN || str_is_none(department)) return false;
    struct str mine = r->who->department;
    if (str_eq(department, mine)) return true;
    return scope == SCOPE_BELOW && str_has_prefix(department, mine) && department.p[mine.len] == '.';
}

bool sight_of_secrets(const struct req *r, const struct resource *resource)
{
    return r->who && resource->permissions[ACT_UNMASK] && principal_may(r->who, resource->permissions[ACT_UNMASK]);
}
