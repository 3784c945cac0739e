/* refusal: what a server turns away before it becomes a request, by reason: for metrics and the log. */
#ifndef HTTP_REFUSAL_H
#define HTTP_REFUSAL_H

#include "base/err.h"

#define REFUSALS(X)                                                    \
    X(MALFORMED, "malformed")                     /* RFC 9112 */       \
    X(TRANSFER_CODING, "transfer_coding")                              \
    X(METHOD, "method")                                                \
    X(HEAD, "head_too_large")                     /* or has too many fields */ \
    X(TARGET, "target_too_long")                                       \
    X(BODY, "body_too_large")                                          \
    X(HEAD_TIME, "head_too_slow")                                      \
    X(BODY_TIME, "body_too_slow")                                      \
    X(HANDSHAKE, "tls_handshake")                 /* failed, or took too long */ \
    X(REQUESTS, "requests_in_flight")                                  \
    X(CONNECTIONS, "connections")                                      \
    X(ADDRESS, "connections_per_address")                              \
    X(DROPPED, "dropped")                         /* closed at accept, without an answer */

#define REFUSAL_AS_ENUM(code, name) REFUSAL_##code,
enum refusal { REFUSALS(REFUSAL_AS_ENUM) REFUSAL_COUNT };
extern const char *const refusal_names[REFUSAL_COUNT];

enum refusal refusal_of(enum err_code code); /* of what http/wire refuses */

#endif
