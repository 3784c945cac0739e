/* watch: looks for what is not usual among the requests that are answered (requirement document, section 6.3): failed logins of an account
 * or from an address, denials of a user or an address, ids that are tried one after the other, more records read than anybody needs.
 *
 * Each rule counts something of each key (a user, an account, an address) over a sliding window; whoever goes beyond the limit gives an
 * alert, once until he is below it again: a line in the log, a count, and a row in auth-service, by the way of the audit records. Counts
 * are this process's own. Rules and keys that are not busy any more make room for others. */
#ifndef GATEWAY_WATCH_H
#define GATEWAY_WATCH_H

#include "base/config.h"
#include "http/req.h"

enum { WATCH_RULES = 7 };

struct watch_settings {
    int limit[WATCH_RULES]; /* 0: the rule is off */
    int window_s, block_s;
};
extern const struct opt watch_opts[];

struct watch_alert {
    const char *rule, *kind; /* "LOGIN_FAILURES_OF_ACCOUNT", "account" */
    struct str key;
    unsigned count;
};

void watch_start(void); /* before the workers */
void watch_stop(void);

/* An answer is out: alerts that it gives, their keys slices of r; their number. */
size_t watch_see(struct req *r, const struct watch_settings *s, struct str account, struct watch_alert ret[WATCH_RULES]);

void watch_print(struct buf *out); /* metrics, from any thread */

#endif
