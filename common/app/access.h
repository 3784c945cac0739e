/* access: one JSON line per request on standard error, written in batches of at most a tick's worth. */
#ifndef APP_ACCESS_H
#define APP_ACCESS_H

struct req;
struct worker;

void access_start(struct worker *w);
void access_log(struct req *r); /* the worker's on_replied: the log line, and the metrics */
void access_flush(struct worker *w);
void access_stop(struct worker *w);

#endif
