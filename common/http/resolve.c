#include "http/resolve.h"

#include <arpa/inet.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

static const char resolv_conf[] = "/etc/resolv.conf";

struct resolver {
    struct event_base *base;
    const char *server;     /* NULL: those of resolv.conf */
    struct evdns_base *dns; /* NULL until the first question */
    int open;               /* questions that libevent has not let go of */
};

enum { CANCEL_ROUNDS = 8 };

struct resolution {
    struct resolver *resolver;
    struct evdns_getaddrinfo_request *request;
    resolved_fn done; /* NULL: cancelled */
    void *arg;
    bool is_over;
};

struct resolver *resolver_new(struct event_base *base)
{
    struct resolver *r = calloc(1, sizeof *r);
    if (!r) abort();
    r->base = base;
    return r;
}

/* libevent lets go of a cancelled question only from its loop, and not after evdns_base_free(). */
void resolver_free(struct resolver *r)
{
    for (int i = 0; r->open && i < CANCEL_ROUNDS; i++) event_base_loop(r->base, EVLOOP_NONBLOCK);
    if (r->dns) evdns_base_free(r->dns, 1);
    free(r);
}

bool resolver_server_is_valid(const char *server)
{
    struct sockaddr_storage sa;
    int len = sizeof sa;
    return evutil_parse_sockaddr_port(server, (struct sockaddr *)&sa, &len) == 0;
}

void resolver_set_server(struct resolver *r, const char *server)
{
    r->server = server;
}

static void dns_start(struct resolver *r)
{
    int flags = EVDNS_BASE_DISABLE_WHEN_INACTIVE;
    if (!r->server) r->dns = evdns_base_new(r->base, flags | EVDNS_BASE_INITIALIZE_NAMESERVERS);
    if (!r->dns) r->dns = evdns_base_new(r->base, flags); /* no resolv.conf: /etc/hosts remains */
    if (!r->dns) abort();
    if (r->server) {
        evdns_base_resolv_conf_parse(r->dns, DNS_OPTION_SEARCH | DNS_OPTION_MISC | DNS_OPTION_HOSTSFILE, resolv_conf);
        evdns_base_nameserver_ip_add(r->dns, r->server);
    }
    evdns_base_set_option(r->dns, "timeout:", "2"); /* then it asks again, three times in all */
    evdns_base_set_option(r->dns, "randomize-case:", "0"); /* embedded DNS servers of container networks drop the case */
}

static void on_addresses(int error, struct evutil_addrinfo *list, void *arg)
{
    struct resolution *q = arg;
    struct address found[RESOLVE_MAX];
    size_t count = 0;
    for (struct evutil_addrinfo *at = error ? NULL : list; at && count < RESOLVE_MAX; at = at->ai_next, count++) {
        memcpy(&found[count].sa, at->ai_addr, at->ai_addrlen);
        found[count].len = at->ai_addrlen;
    }
    if (list) evutil_freeaddrinfo(list);
    if (q->done) q->done(q->arg, found, count);
    q->is_over = true;
    if (!q->request) return; /* resolver_ask() is still there */
    q->resolver->open--;
    free(q);
}

struct resolution *resolver_ask(struct resolver *r, const char *host, int port, resolved_fn done, void *arg)
{
    struct evutil_addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP };
    struct resolution *q = calloc(1, sizeof *q);
    char service[8];
    if (!q) abort();
    if (!r->dns) dns_start(r);
    q->resolver = r;
    q->done = done;
    q->arg = arg;
    snprintf(service, sizeof service, "%d", port);
    q->request = evdns_getaddrinfo(r->dns, host, service, &hints, on_addresses, q);
    if (!q->is_over) return r->open++, q;
    free(q);
    return NULL;
}

void resolution_cancel(struct resolution *q)
{
    q->done = NULL;
    evdns_getaddrinfo_cancel(q->request); /* on_addresses() comes later and frees it */
}

/* --- addresses ---------------------------------------------------------------------------------------------------- */

bool address_read(const char *text, int port, struct address *ret)
{
    struct sockaddr_in *four = (void *)&ret->sa;
    struct sockaddr_in6 *six = (void *)&ret->sa;
    *ret = (struct address){ 0 };
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        ret->len = sizeof *four;
        return true;
    }
    if (inet_pton(AF_INET6, text, &six->sin6_addr) != 1) return false;
    six->sin6_family = AF_INET6;
    six->sin6_port = htons((uint16_t)port);
    ret->len = sizeof *six;
    return true;
}

int address_port(const struct address *a)
{
    const struct sockaddr_in *four = (const void *)&a->sa;
    const struct sockaddr_in6 *six = (const void *)&a->sa;
    return ntohs(a->sa.ss_family == AF_INET ? four->sin_port : six->sin6_port);
}

void address_text(const struct sockaddr *sa, char out[ADDRESS_TEXT])
{
    static const char v4_mapped[12] = { [10] = (char)0xff, [11] = (char)0xff };
    const struct sockaddr_in6 *six = (const void *)sa;
    const struct sockaddr_in *four = (const void *)sa;
    if (sa->sa_family == AF_INET) inet_ntop(AF_INET, &four->sin_addr, out, ADDRESS_TEXT);
    else if (memcmp(&six->sin6_addr, v4_mapped, sizeof v4_mapped) == 0)
        inet_ntop(AF_INET, (const char *)&six->sin6_addr + sizeof v4_mapped, out, ADDRESS_TEXT);
    else inet_ntop(AF_INET6, &six->sin6_addr, out, ADDRESS_TEXT);
}
