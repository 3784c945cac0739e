/* roster: the addresses behind the base URLs of a service.
 *
 * A number stands for itself. A name stands for every address that the resolver knows, asked at once and then again and again: one
 * question per name, however many connections there are. No answer, or an empty one, changes nothing. One per worker and service. */
#ifndef GATEWAY_ROSTER_H
#define GATEWAY_ROSTER_H

#include "http/base_url.h"

struct client;
struct event_base;
struct roster;

enum { ROSTER_MAX = 64 }; /* addresses; further ones are left out */

struct roster_entry {
    struct str url;          /* as it was given; for Host */
    struct str label;        /* tells it from the others: the url, of a name with the address behind it */
    const struct address *at; /* NULL: the url says it */
};

/* The addresses as they are now; none while no name is resolved yet. Valid during the call. */
typedef void (*roster_fn)(void *arg, const struct roster_entry *entries, size_t count);

struct roster *roster_new(struct event_base *base, struct client *client, int every_ms, roster_fn changed, void *arg);
void roster_free(struct roster *r);

/* The URLs from now on, comma-separated; names that stay keep their addresses. Calls `changed`, perhaps before it returns. False:
 * the client does not take `*ret_bad`, and nothing has changed. */
bool roster_set(struct roster *r, struct str urls, struct str *ret_bad);

#endif
