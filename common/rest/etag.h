/* etag: entity tags (RFC 9110 section 8.8.3): "<version>.<hash of the representation>".
 *
 * The hash makes the tag strong, for names of references may change without a new version; writes compare versions only. */
#ifndef REST_ETAG_H
#define REST_ETAG_H

#include "http/req.h"

void etag_set_strict(bool strict);

void etag_reply(struct req *r, struct str version, struct str representation); /* sets the ETag header */
bool etag_not_modified(const struct req *r); /* does If-None-Match hold the tag that etag_reply() set? */

/* If-Match as an int[] literal of the versions named; NULL when there is none or it is "*". Malformed, or missing where it is
 * required -> r->problem. */
void etag_read_match(struct req *r, const char **ret_versions);

#endif
