/* resolve: the addresses of a host name, without making the loop wait. One resolver per worker; it asks the name servers of
 * /etc/resolv.conf, or one that it is told, and reads /etc/hosts. */
#ifndef HTTP_RESOLVE_H
#define HTTP_RESOLVE_H

#include "base/str.h"

#include <sys/socket.h>

enum { RESOLVE_MAX = 64 }; /* addresses of a name; further ones are left out */

struct address {
    struct sockaddr_storage sa;
    socklen_t len;
};

struct event_base;
struct resolver;
struct resolution; /* a question under way */

/* `count` 0: the name has no address, or nobody answered. */
typedef void (*resolved_fn)(void *arg, const struct address *addresses, size_t count);

struct resolver *resolver_new(struct event_base *base);
void resolver_set_server(struct resolver *r, const char *server); /* before the first question; "127.0.0.1:53", must outlive `r` */
bool resolver_server_is_valid(const char *server);
void resolver_free(struct resolver *r); /* runs the loop when questions were cancelled just now */

/* `done` is called once, perhaps from inside this call (which then returns NULL). */
struct resolution *resolver_ask(struct resolver *r, const char *host, int port, resolved_fn done, void *arg);
void resolution_cancel(struct resolution *q); /* `done` is not called any more */

/* A numeric IPv4 or IPv6 address (without brackets). */
bool address_read(const char *text, int port, struct address *ret);
int address_port(const struct address *a);

/* Text of the address without its port; an IPv4-mapped one as IPv4. */
enum { ADDRESS_TEXT = 46 };
void address_text(const struct sockaddr *sa, char out[ADDRESS_TEXT]);

#endif
