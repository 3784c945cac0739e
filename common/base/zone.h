/* zone: time zones, read from /usr/share/zoneinfo (RFC 8536). Thread-safe; a zone is loaded once and never freed. */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include <stdbool.h>
#include <stdint.h>

struct zone;
const struct zone *zone_load(const char *name); /* IANA name, e.g. "Asia/Shanghai"; NULL: unknown */

/* The instant (seconds since 1970 UTC) at which clocks in `z` showed `wall` (the same count, as if UTC); the earlier
 * one when they showed it twice. False when they jumped over it: then the instant of the jump. */
bool zone_instant(const struct zone *z, int64_t wall_s, int64_t *ret_unix_s);

int zone_offset(const struct zone *z, int64_t unix_s); /* seconds east of UTC at that instant */
int64_t zone_midnight(const struct zone *z, int days); /* start of that day (since 1970) in `z`, microseconds */

#endif
