/* clock: the two clocks, and the two forms of time that the API knows. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/arena.h"
#include "base/zone.h"

uint64_t clock_us(void);     /* monotonic, microseconds */
int64_t clock_unix_ms(void); /* wall clock, milliseconds since 1970 */

enum { CLOCK_TEXT = 32 };
struct str clock_now_text(char out[CLOCK_TEXT]); /* "2023-01-01T02:00:00.123Z", for what machines read: RFC 3339 */

/* Wall-clock instants are int64 microseconds since 1970 UTC. */

/* "yyyy-MM-dd HH:mm:ss" (wall clock of `z`) or RFC 3339 with offset. Impossible dates and times (those that a change of
 * the clocks skipped in `z` too), leap seconds, year < 1900 -> false. */
bool time_read(const struct zone *z, struct str s, int64_t *ret_us);
bool date_read(struct str s, int *ret_days); /* "yyyy-MM-dd" -> days since 1970 */

enum { TIME_LEN = 19 };
void time_write(const struct zone *z, int64_t unix_s, char out[TIME_LEN + 1]); /* "yyyy-MM-dd HH:mm:ss" in `z`; years 0 to 9999 */
struct str time_sql(struct arena *a, int64_t us); /* "2023-01-01 02:00:00+00", for a timestamptz parameter */

#endif
