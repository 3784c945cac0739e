/* trust: whose tokens a process believes, and who tells it that some are over: the settings for it, and what each worker makes of them.
 *
 * The same for the gateway and every service, since internal teams reach services directly. */
#ifndef APP_TRUST_H
#define APP_TRUST_H

#include "base/config.h"

struct app;
struct outgoing;
struct worker;

struct trust {
    const char *mode, *jwks_url, *revocations_url, *redis_url;
    const char *hs256_secret, *hs256_secret_file, *validate_url, *issuer, *audience, *default_scope; /* of an outside system */
    int validate_timeout_ms, validate_ttl_ms;

    /* made of those */
    bool is_foreign;
    char *secret; /* NULL: public keys */
};
extern const struct opt trust_opts[];

/* What no table can check, and what is made of it; done: frees that, whatever make returned. */
bool trust_make(struct trust *t, const struct outgoing *o, struct buf *faults);
void trust_done(struct trust *t);

/* w->tokens, w->keys and what else auth/guard looks at; after w->client, and gone before it. False: as the log says. */
bool trust_start(struct worker *w);
void trust_stop(struct worker *w);
bool trust_is_ready(const struct worker *w); /* what is needed to judge a token is known */

void trust_print(const struct app *app, struct buf *out); /* metrics, from any thread */

#endif
