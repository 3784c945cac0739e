/* transcript: what a stream of bytes gives on one connection, as text, however the bytes are split and the bodies collected.
 *
 * The lines of each whole request, then how it ends: "more" or "refused". Each request is held against the rules on the way. */
#ifndef FUZZ_TRANSCRIPT_H
#define FUZZ_TRANSCRIPT_H

#include "base/buf.h"

enum { TRANSCRIPT_BODY_MAX = 200, TRANSCRIPT_MAX = 4 << 20 };

struct transcript {
    struct buf text;
    struct buf body; /* of the first request */
    size_t requests;
    size_t first_end; /* bytes until the end of the first request */
    bool is_refused;
    const char *slug; /* of the refusal */
};

/* The stream whole, byte by byte, and in pieces that follow from a hash of it; bodies whole, and passed on in pieces: always
 * the same. `ret` is the whole one. */
void transcript_check(struct transcript *ret, struct str stream);
void transcript_done(struct transcript *t);

#endif
