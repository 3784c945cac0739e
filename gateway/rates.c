#include "rates.h"

#include "auth/principal.h"
#include "http/req.h"
#include "registry.h"

#define AT(member) offsetof(struct rates, member)
#define AT_CLASS(class) AT(text[RATE_OF_CLASS + (class)])
const struct opt rates_opts[] = { /* the first in the order of enum rate_kind */
    { "RATE_USER", O_STR, AT(text[RATE_OF_USER]), "600/min", O_LIVE, 0, 0,
      "requests of one user, per s, min or h; none, here and below: no limit" },
    { "RATE_CLIENT", O_STR, AT(text[RATE_OF_CLIENT]), "6000/min", O_LIVE, 0, 0, "requests of one program with a token of its own" },
    { "RATE_ADDRESS", O_STR, AT(text[RATE_OF_ADDRESS]), "600/min", O_LIVE, 0, 0, "requests without a token from one address" },
    { "RATE_READ", O_STR, AT_CLASS(RATE_READ), "", O_LIVE, 0, 0, "those of them that read" },
    { "RATE_WRITE", O_STR, AT_CLASS(RATE_WRITE), "", O_LIVE, 0, 0, "those that write" },
    { "RATE_LOGIN", O_STR, AT_CLASS(RATE_LOGIN), "10/min", O_LIVE, 0, 0, "those that log in" },
    { "RATE_REPORT", O_STR, AT_CLASS(RATE_REPORT), "30/min", O_LIVE, 0, 0, "those that make a report" },
    { "RATE_ROLES", O_STR, AT(roles_text), "", O_LIVE, 0, 0,
      "in place of RATE_USER for who has the role, such as SALES_DIRECTOR=1200/min,AUDITOR=60/min; of several the highest" },
    { "RATE_REPLICAS", O_INT, AT(replicas), "1", O_LIVE, 1, 1000,
      "gateways that share these limits: each has its part of them while Redis is away" },
    { "RATE_OPEN", O_STR, AT(open), "", O_LIVE, 0, 0,
      "operations (operationId), comma-separated, that have no limit while Redis is away; all others have a local one, ..." },
    { "RATE_CLOSED", O_STR, AT(closed), "", O_LIVE, 0, 0, "... or are refused then (503) when they are named here" },
    { "RATE_REDIS_MS", O_INT, AT(redis_ms), "20", O_LIVE, 1, 1000, "longest wait for Redis, in milliseconds; then limits are local" },
    { 0 },
};

static bool make_roles(struct rates *r, struct buf *faults)
{
    struct str rest = str_trim(str_of(r->roles_text));
    for (r->role_count = 0; rest.len; r->role_count++) {
        struct str rate = str_cut(&rest, ','), role = str_trim(str_cut(&rate, '='));
        struct role_rate *to = &r->roles[r->role_count];
        if (r->role_count == RATE_ROLES_MAX || !role.len || !rate.len || !rate_read(rate, &to->rate)) {
            buf_addf(faults, "RATE_ROLES: not up to %d of ROLE=600/min: %.*s\n", RATE_ROLES_MAX, STR_ARG(role));
            return false;
        }
        to->role = role;
    }
    return true;
}

static bool is_listed(const char *list, struct str operation)
{
    struct str rest = str_of(list);
    while (!str_is_none(rest))
        if (str_eq(str_trim(str_cut(&rest, ',')), operation)) return true;
    return false;
}

static bool is_operation(struct str name)
{
    for (size_t i = 0; i < registry.count; i++)
        if (str_eq(registry.rows[i].operation, name)) return true;
    return false;
}

static bool check_operations(const char *name, const char *list, struct buf *faults)
{
    struct str rest = str_trim(str_of(list));
    while (rest.len) {
        struct str operation = str_trim(str_cut(&rest, ','));
        if (is_operation(operation)) continue;
        buf_addf(faults, "%s: no such operation: %.*s\n", name, STR_ARG(operation));
        return false;
    }
    return true;
}

enum rate_fallback rates_fallback(const struct rates *r, const struct route *route)
{
    if (is_listed(r->closed, route->operation)) return FALLBACK_CLOSED;
    return is_listed(r->open, route->operation) ? FALLBACK_OPEN : FALLBACK_LOCAL;
}

bool rates_make(struct rates *r, struct buf *faults)
{
    bool ok = make_roles(r, faults);
    ok = check_operations("RATE_OPEN", r->open, faults) && ok;
    ok = check_operations("RATE_CLOSED", r->closed, faults) && ok;
    for (int i = 0; i < RATE_KINDS; i++) {
        if (rate_read(str_of(r->text[i]), &r->rate[i])) continue;
        buf_addf(faults, "%s is not a rate such as 600/min: %s\n", rates_opts[i].name, r->text[i]);
        ok = false;
    }
    return ok;
}

/* --- the windows of a request ------------------------------------------------------------------------------------------ */

/* `roles` is a JSON array of names, none of which needs escapes. */
static bool has_role(struct str roles, struct str role)
{
    const char *at = roles.p, *end = roles.p + roles.len;
    while ((at = memmem(at, (size_t)(end - at), role.p, role.len))) {
        if (at > roles.p && at[-1] == '"' && at + role.len < end && at[role.len] == '"') return true;
        at += role.len;
    }
    return false;
}

static struct rate rate_of_user(const struct rates *r, struct str roles)
{
    struct rate best = { 0 };
    for (size_t i = 0; i < r->role_count; i++) {
        struct rate rate = r->roles[i].rate;
        bool is_higher = !best.capacity || rate.interval_us < best.interval_us;
        if (is_higher && has_role(roles, r->roles[i].role)) best = rate;
    }
    return best.capacity ? best : r->rate[RATE_OF_USER];
}

/* crm:rate:{user:ID}, with ":class" behind it when one is given */
static struct str key_of(struct arena *a, struct str kind, struct str sender, struct str class)
{
    static const struct str prefix = STR("crm:rate:{");
    char *key = arena_alloc(a, prefix.len + kind.len + sender.len + class.len + sizeof ":}:"), *to = str_put(key, prefix);
    to = str_put(to, kind);
    *to++ = ':';
    to = str_put(to, sender);
    *to++ = '}';
    if (class.len) *to++ = ':';
    to = str_put(to, class);
    return (struct str){ key, (size_t)(to - key) };
}

size_t rates_of(const struct rates *r, struct req *q, struct rate_window ret[RATE_WINDOWS])
{
    static const struct str kinds[] = { STR("user"), STR("client"), STR("address") };
    static const struct str classes[] = { STR("read"), STR("write"), STR("login"), STR("report") };
    const struct principal *who = q->who;
    enum rate_kind kind = !who ? RATE_OF_ADDRESS : who->is_service ? RATE_OF_CLIENT : RATE_OF_USER;
    unsigned class = q->route->rate;
    struct rate all = kind == RATE_OF_USER ? rate_of_user(r, who->roles) : r->rate[kind];
    struct str sender = who ? who->user_id : q->peer;
    size_t n = 0;
    if (all.capacity) ret[n++] = (struct rate_window){ key_of(&q->arena, kinds[kind], sender, STR("")), kinds[kind], all };
    if (class < RATE_INTERNAL && r->rate[RATE_OF_CLASS + class].capacity)
        ret[n++] = (struct rate_window){ key_of(&q->arena, kinds[kind], sender, classes[class]), classes[class],
                                         r->rate[RATE_OF_CLASS + class] };
    return n;
}
