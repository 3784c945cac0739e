/* certificates: the TLS files of a process, for those who come to it and for those it goes to (app/outgoing): loaded at start, and
 * again on SIGHUP without a dropped connection. */
#ifndef APP_CERTIFICATES_H
#define APP_CERTIFICATES_H

#include "http/tls.h"

#include <stdbool.h>

struct worker;

/* Before the workers start, and in app->reload. `server`: no certificate, no TLS. load: NULL, or why they are no good. reload: tells
 * the log; false when there is nothing new. */
const char *certificates_load(const struct tls_files *server);
bool certificates_reload(const struct tls_files *server);

/* Puts what was loaded last into w->tls, for the server, and into w->client: when they are made, and in app->reloaded. */
void certificates_renew(struct worker *w);
void certificates_drop(struct worker *w); /* w->tls, when its server is gone */

#endif
