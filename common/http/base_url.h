/* base_url: where a service is: "http://host[:port][/]" or "https://host[:port][/]", and nothing else. */
#ifndef HTTP_BASE_URL_H
#define HTTP_BASE_URL_H

#include "http/resolve.h"

enum { HOST_MAX = 253 }; /* of a domain name: RFC 1035, 2.3.4 */

struct base_url {
    bool is_tls;
    struct str authority;    /* for Host; a part of the text that was read */
    char host[HOST_MAX + 1]; /* a name, or a number without brackets */
    int port;
    struct address address;  /* its `len` is 0: `host` is a name */
};

bool base_url_read(struct base_url *ret, struct str text); /* false: malformed */

#endif
