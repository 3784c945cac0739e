/* rules: what holds for every head, path and field that is accepted, whatever the bytes were (RFC 9110, RFC 9112). The
 * rules are written down here once more, slowly and without the readers' tables. */
#ifndef FUZZ_RULES_H
#define FUZZ_RULES_H

#include "http/head.h"

void rules_check_path(enum method method, struct str path); /* normal form; "*" only for OPTIONS */
void rules_check_fields(const struct header *headers, size_t count);

/* How long the fields say that the body is. */
struct framing {
    bool is_chunked, has_length;
    uint64_t length;
    int hosts;
};
struct framing rules_framing(const struct header *headers, size_t count);

#endif
