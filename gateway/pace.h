/* pace: calls a function again and again, each time up to a quarter earlier or later than asked for, so that workers and gateways
 * that were started together do not go in step. */
#ifndef GATEWAY_PACE_H
#define GATEWAY_PACE_H

struct event;
struct event_base;

typedef void (*pace_fn)(void *arg);

struct pace {
    struct event *timer; /* NULL: not started */
    int every_ms;
    pace_fn call;
    void *arg;
};

void pace_start(struct pace *p, struct event_base *base, int every_ms, pace_fn call, void *arg);
void pace_stop(struct pace *p); /* also one that was never started */

#endif
