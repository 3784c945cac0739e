/* head: strict reading of an HTTP/1.1 head (RFC 9112) that lies complete in memory, for requests and responses.
 *
 * Pure: bytes in, slices out. Refuses space before the colon, obs-fold, control bytes, bare CR or LF, malformed method,
 * version or target, missing, several or malformed Host, CL with TE, differing or malformed Content-Length, any transfer coding
 * but exactly one "chunked" (unknown coding: E_NOT_IMPLEMENTED), Transfer-Encoding in HTTP/1.0. */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "base/err.h"
#include "base/limits.h"
#include "http/route.h"

enum { HEAD_HEADERS = LIMIT_HEADERS + LIMIT_HEADERS_ADDED };

struct header {
    struct str name, value; /* value trimmed */
};

struct head {
    bool is_response;
    enum method method;        /* requests; an unknown but well-formed method gives E_METHOD_NOT_ALLOWED */
    struct str target;
    int status;                /* responses */
    int minor_version;         /* HTTP/1.x */
    struct header headers[HEAD_HEADERS];
    size_t header_count;
    bool chunked;
    bool has_length;
    uint64_t length;           /* Content-Length */
    bool keep_alive;
    bool expect_continue;
};

/* Bytes of the head in `in`, CRLFCRLF included; 0: not complete yet; leading CRLFs before a request line count in. */
size_t head_end(struct str in);

/* Reads `text` (exactly one head). E_OK, or what to answer; `reason` (static text) then says why, for log and details. */
enum err_code head_read_request(struct head *h, struct str text, const char **reason);
enum err_code head_read_response(struct head *h, struct str text, const char **reason);

/* One field line without its CRLF, also of a trailer. NULL, or why it is malformed. */
const char *header_read(struct str line, struct header *ret);

/* Splits a target into the normal form of its path (percent-decoded once; dot segments, "//", encoded '/', NUL, invalid
 * UTF-8 -> false) and the raw query. Only origin-form; "*" only for OPTIONS. */
bool target_read(struct arena *a, struct str target, struct str *ret_path, struct str *ret_query);

#endif
