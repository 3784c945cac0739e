#include "http/client_name.h"

void client_name(struct req *r, const struct cidr_set *trusted)
{
    struct str values[FORWARDED_HOPS_MAX];
    size_t count = 0;
    if (!cidr_set_count(trusted)) return;
    for (size_t i = 0; i < r->header_count; i++) {
        if (!str_ieq(r->headers[i].name, STR("X-Forwarded-For"))) continue;
        if (count == FORWARDED_HOPS_MAX) return;
        values[count++] = r->headers[i].value;
    }
    if (!count) return;
    struct forwarded client = forwarded_client(trusted, r->peer, values, count);
    if (client.hops) r->peer = arena_dup(&r->arena, str_of(client.text));
}
