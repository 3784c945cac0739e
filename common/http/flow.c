#include "http/flow.h"

#include "http/reply.h"

void flow_start(struct req *r, const step_fn *steps)
{
    r->step = steps;
    flow_run(r);
}

void flow_run(struct req *r)
{
    enum step s = STEP_NEXT;
    req_hold(r); /* the step that replies gives the request away */
    while (s == STEP_NEXT && *r->step) s = (*r->step++)(r);
    if (s == STEP_FAIL) reply_error(r);
    req_release(r);
}
