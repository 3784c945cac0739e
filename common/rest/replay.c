/* Answering an Idempotency-Key that has a reply: the row that was shown, as the caller sees it now. */
#include "rest/write.h"

#include "http/flow.h"
#include "http/worker.h"
#include "rest/names.h"
#include "rest/segment.h"

static enum step write_replay(struct req *r)
{
    struct write *w = r->state;
    w->segment = segment_new(r, PG_FAST, true);
    w->back_at = 0;
    pg_add_binary(w->segment, &w->statements->replay, w->claim.values, w->claim.count);
    pg_submit(r->worker->pg, w->segment);
    return STEP_WAIT;
}

static enum step replay_judge(struct req *r)
{
    struct write *w = r->state;
    if (pg_rows(w->segment, 0) == 0) problem_set(&r->problem, E_IN_PROGRESS);
    else if (!str_is(pg_value(w->segment, 0, 0, 0), "true")) problem_set(&r->problem, E_KEY_REUSED);
    if (r->problem.code != E_OK) return STEP_FAIL;
    w->replayed = true;
    struct rows rows = write_rows(r, w);
    bool ready = names_ready(&rows);
    return ready ? STEP_NEXT : STEP_WAIT;
}

void replay_start(struct req *r)
{
    static const step_fn steps[] = { write_replay, replay_judge, write_after, write_reply, NULL };
    flow_start(r, steps);
}
