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
    const char *jwks_url, *revocations_url, *redis_url;
};
extern const struct opt trust_opts[];

bool trust_check(const struct trust *t, const struct outgoing *o, struct buf *faults); /* what no table can check */

/* w->tokens, w->keys and what else auth/guard looks at; after w->client, and gone before it. False: as the log says. */
bool trust_start(struct worker *w);
void trust_stop(struct worker *w);
bool trust_is_ready(const struct worker *w); /* what is needed to judge a token is known */

void trust_print(const struct app *app, struct buf *out); /* metrics, from any thread */

#endif
