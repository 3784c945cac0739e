/* census: how many connections a process has, in total and by client address, so that nobody takes them all.
 *
 * Shared by the process's threads, asked once when a connection comes and once when it goes. An IPv6 client is its /64: that
 * is what one subscriber gets. A few connections over a limit are let in to be told so; further ones are not worth it. */
#ifndef HTTP_CENSUS_H
#define HTTP_CENSUS_H

#include "base/cidr.h"

enum census_answer {
    CENSUS_ADMIT,
    CENSUS_FULL,         /* over the total: answer 503 and close */
    CENSUS_ADDRESS_FULL, /* over what one address may have: the same */
    CENSUS_DROP,         /* close at once; it was not counted */
};

struct census *census_new(int max, int address_max); /* connections; 0: no limit */
void census_free(struct census *c);
void census_set(struct census *c, int max, int address_max); /* from now on */

/* `from` NULL: many clients share this address (a trusted proxy), only the total counts. Every answer but CENSUS_DROP needs a
 * census_leave() with the same address. */
enum census_answer census_enter(struct census *c, const struct ip *from);
void census_leave(struct census *c, const struct ip *from);

#endif
