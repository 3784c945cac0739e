/* json_write: streaming JSON out, straight into a bounded buffer. Commas are placed by the writer. */
#ifndef JSON_WRITE_H
#define JSON_WRITE_H

#include "base/buf.h"

struct jw {
    struct buf *out;
    bool comma; /* a value was written at this level: the next one needs a comma */
};

static inline struct jw jw_to(struct buf *out)
{
    return (struct jw){ out, false };
}

void jw_object(struct jw *w);      /* { */
void jw_object_end(struct jw *w);  /* } */
void jw_array(struct jw *w);       /* [ */
void jw_array_end(struct jw *w);   /* ] */
void jw_key(struct jw *w, struct str key); /* escaped like a string */
void jw_name(struct jw *w, struct str key); /* a key of letters, digits and '_': written as it is */
void jw_plain(struct jw *w, struct str s);  /* a string that holds nothing to escape, such as a UUID; absent -> null */
void jw_str(struct jw *w, struct str s);   /* absent -> null; s must be valid UTF-8; escapes ", \, controls, U+2028/9 */
void jw_raw(struct jw *w, struct str json); /* trusted JSON text; absent -> null */
void jw_int(struct jw *w, int64_t n);
void jw_bool(struct jw *w, bool b);
void jw_null(struct jw *w);

#endif
