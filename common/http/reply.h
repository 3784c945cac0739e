/* reply: what goes back, in the envelope of the requirement document (section 3) or the error envelope. The only caller of
 * server_reply(). */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "http/req.h"
#include "json/json_write.h"

/* {"code":200,"message":"success","data": ... }: write one value between the two. */
struct jw reply_begin(struct req *r);
void reply_end(struct req *r, struct jw *w);

/* A body without envelope. The bytes are copied unless they are r->out's own. */
void reply_raw(struct req *r, int status, struct str content_type, struct str body);
void reply_not_modified(struct req *r);

/* A body without envelope that comes in pieces, see server_reply_begin(): its begin is in r->out. */
void reply_stream_begin(struct req *r, int status, struct str content_type, int64_t length);
void reply_stream_add(struct req *r, struct str piece);
void reply_stream_end(struct req *r, bool is_whole);

/* r->problem in the error envelope: Chinese, or English by Accept-Language; RFC 9457 by Accept. */
void reply_error(struct req *r);
void reply_fail(struct req *r, enum err_code code); /* the same for a problem without details */

#endif
