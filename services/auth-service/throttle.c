#include "throttle.h"

#include "auth.h"

#include "app/service.h"
#include "base/cidr.h"

const struct pg_stmt stmt_login_attempt = {
    "login_attempt", "SELECT wait_s, charged FROM login_attempt($1, $2, ARRAY[$3, $4, $5]::integer[], $6::integer, $7::integer)"
};
const struct pg_stmt stmt_login_forgive = { "login_forgive", "SELECT login_forgive($1::bytea[], $2::boolean)" };

struct str throttle_origin(struct arena *a, struct str address)
{
    struct ip ip;
    char text[IP_LEN + 1];
    if (!ip_read(address, &ip)) return address;
    if (ip.width == IP_V4_BITS) return arena_dup(a, ip_write(&ip, text));
    ip.low = 0;
    struct str network = ip_write(&ip, text);
    return arena_printf(a, "%.*s/64", STR_ARG(network));
}

void throttle_add(struct req *r, struct pg_segment *s, struct str account)
{
    const struct auth_settings *settings = service_settings(r->worker);
    const int numbers[] = { settings->failures_pair_max, settings->failures_account_max, settings->failures_address_max,
                            settings->delay_max_s, settings->half_life_s };
    enum { NUMBERS = sizeof numbers / sizeof *numbers };
    const char **values = arena_array(&r->arena, const char *, NUMBERS + 2);
    values[0] = arena_cstr(&r->arena, account);
    values[1] = arena_cstr(&r->arena, throttle_origin(&r->arena, r->peer));
    for (int i = 0; i < NUMBERS; i++) values[i + 2] = arena_printf(&r->arena, "%d", numbers[i]).p;
    pg_add(s, &stmt_login_attempt, values, NUMBERS + 2);
}

bool throttle_admits(struct req *r, const struct pg_segment *s, int call, const char **ret_charged)
{
    int64_t wait_s = 0;
    str_to_i64(pg_value(s, call, 0, 0), 0, INT32_MAX, &wait_s);
    *ret_charged = arena_cstr(&r->arena, pg_value(s, call, 0, 1));
    if (!wait_s) return true;
    r->problem.retry_after_s = (int)wait_s;
    problem_set(&r->problem, E_TOO_MANY_REQUESTS);
    return false;
}

void throttle_forgive(struct req *r, struct pg_segment *s, const char *charged, bool clears)
{
    const char **values = arena_array(&r->arena, const char *, 2);
    values[0] = charged;
    values[1] = clears ? "true" : "false";
    pg_add(s, &stmt_login_forgive, values, 2);
}
