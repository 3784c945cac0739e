#include "http/client_conn.h"

static bool address_eq(const struct address *a, const struct address *b)
{
    return a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0;
}

static struct origin *origin_find(const struct client *client, struct str url, const struct address *at)
{
    struct origin *o;
    LIST_FOREACH(o, &client->origins, link)
        if (str_eq(o->url, url) && address_eq(&o->address, at)) return o;
    return NULL;
}

static struct origin *origin_new(struct client *client, struct str url, const struct base_url *where)
{
    struct arena arena;
    arena_init(&arena);
    struct origin *o = arena_new(&arena, struct origin);
    o->arena = arena;
    o->client = client;
    o->url = arena_dup(&o->arena, url);
    o->authority = arena_dup(&o->arena, where->authority);
    o->host = arena_cstr(&o->arena, str_of(where->host));
    o->port = where->port;
    o->address = where->address;
    LIST_INIT(&o->idle);
    LIST_INSERT_HEAD(&client->origins, o, link);
    return o;
}

void origin_free(struct origin *o)
{
    for (struct client_conn *c; (c = LIST_FIRST(&o->idle));) client_conn_close(c);
    LIST_REMOVE(o, link);
    struct arena arena = o->arena; /* it lies in its own */
    arena_done(&arena);
}

bool client_takes_url(const struct client *client, struct str url)
{
    struct base_url where;
    (void)client;
    return base_url_read(&where, url) && !where.is_tls;
}

struct origin *client_origin_at(struct client *client, struct str url, const struct address *at)
{
    struct base_url where;
    if (!client_takes_url(client, url) || !base_url_read(&where, url)) return NULL;
    if (at) where.address = *at;
    struct origin *o = origin_find(client, url, &where.address);
    if (!o) o = origin_new(client, url, &where);
    o->holds++;
    return o;
}

struct origin *client_origin(struct client *client, struct str url)
{
    return client_origin_at(client, url, NULL);
}

/* Its last exchange, whose end may have brought us here, still needs it for a moment. */
void client_origin_release(struct origin *o)
{
    if (--o->holds == 0) client_sweep_later(o->client);
}
