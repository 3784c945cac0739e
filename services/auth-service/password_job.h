/* password_job: a password verified, and a new one hashed, beside the event loop. */
#ifndef AUTH_SERVICE_PASSWORD_JOB_H
#define AUTH_SERVICE_PASSWORD_JOB_H

#include "http/req.h"

enum { PASSWORD_HASH_MAX = 128 };

struct password_job {
    struct str given, stored; /* absent `stored`: nobody's; takes as long */
    struct str next;          /* hashed too, when `given` is right; absent: nothing */

    bool ok;
    char next_hash[PASSWORD_HASH_MAX];
    struct req *req;
};

/* Runs it and then the request's flow. It lives in the request's arena. false: too many are waiting, r->problem says so. */
bool password_job_start(struct req *r, struct password_job *j);

#endif
