/* redis_subscription: listens on one Redis channel, on a connection of its own that comes back by itself, with backoff.
 *
 * A message is a hint to look where the truth is: what it says is not passed on, and while there is no connection none come. So
 * the listener is called too whenever it begins to listen, for it may have missed some. For one thread. */
#ifndef IO_REDIS_SUBSCRIPTION_H
#define IO_REDIS_SUBSCRIPTION_H

struct event_base;
struct redis_subscription;

/* url: as redis_new(); `channel` and `arg` must outlive it. NULL: malformed. `on_message` must not free it. */
struct redis_subscription *redis_subscribe(struct event_base *base, const char *url, const char *channel, void (*on_message)(void *arg),
                                           void *arg);
void redis_unsubscribe(struct redis_subscription *s); /* nothing is called any more; NULL: nothing */

#endif
