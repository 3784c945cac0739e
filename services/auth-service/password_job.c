#include "password_job.h"

#include "password.h"

#include "http/flow.h"
#include "http/worker.h"
#include "io/work.h"

enum { WAITING_MAX = 64 };

static void hash_next(struct password_job *j)
{
    struct arena a;
    arena_init(&a);
    struct str hash = password_hash(&a, j->next);
    j->ok = hash.len && hash.len < sizeof j->next_hash;
    if (j->ok) memcpy(j->next_hash, hash.p, hash.len);
    arena_done(&a);
}

static void run(void *arg)
{
    struct password_job *j = arg;
    j->ok = password_verify(j->given, j->stored);
    if (j->ok && !str_is_none(j->next)) hash_next(j);
}

static void done(void *arg)
{
    struct password_job *j = arg;
    struct req *r = j->req;
    flow_run(r);
    req_release(r);
}

bool password_job_start(struct req *r, struct password_job *j)
{
    if (work_waiting(r->worker->work) >= WAITING_MAX) {
        r->problem.retry_after_s = 1;
        problem_set(&r->problem, E_OVERLOADED);
        return false;
    }
    j->req = r;
    req_hold(r);
    work_submit(r->worker->work, run, done, j);
    return true;
}
