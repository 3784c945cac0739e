/* flow: work of several round trips as a table of steps, each ending in NEXT, WAIT or FAIL.
 *
 *     static const step_fn place_order[] = { read_order, price_lines, insert_order, reply_created, NULL };
 *
 * After STEP_WAIT the asynchronous operation calls flow_run() again, which goes on with the step after the waiting one.
 * After STEP_FAIL the request is answered from r->problem. The last step replies. */
#ifndef HTTP_FLOW_H
#define HTTP_FLOW_H

#include "http/req.h"

void flow_start(struct req *r, const step_fn *steps); /* steps end in NULL and live on */
void flow_run(struct req *r);

#endif
