/* announcer: passes what PostgreSQL notifies a service of on to everybody, as Redis messages: PUBLISH crm:<channel>.
 *
 * A hint, sent once: whoever is not reached finds out by asking (auth/revocations). For one thread. */
#ifndef APP_ANNOUNCER_H
#define APP_ANNOUNCER_H

struct announcer;
struct event_base;

struct announcer *announcer_new(struct event_base *base, const char *redis_url, const char *channel); /* NULL: malformed URL */
void announcer_free(struct announcer *a); /* NULL: nothing */
void announcer_tell(struct announcer *a); /* NULL: nobody is told */

#endif
