/* expect: what every system test needs to say what it wants.
 *
 * A failed expectation shows the exchange it is about and ends the test. Only the test's own thread may expect: other
 * threads bring back replies and let it judge. Text and replies live until the test ends (see pool.h). */
#ifndef SYSTEM_EXPECT_H
#define SYSTEM_EXPECT_H

#include <stdbool.h>

#include "../check.h"
#include "http.h"

/* "data.records.0.customer_name" in a reply's JSON; NULL when there is no such value. */
cJSON *at(const struct reply *r, const char *path);
const char *text_at(const struct reply *r, const char *path); /* NULL when it is no string */
int number_at(const struct reply *r, const char *path);       /* -1 when it is no number */
bool is_null_at(const struct reply *r, const char *path);     /* there, and null */
char *keys_at(const struct reply *r, const char *path);       /* "customer_id,customer_code", in order */

#define expect_status(r, want) expect_status_((r), (want), __FILE__, __LINE__)
#define expect_text(r, path, want) expect_text_((r), (path), (want), __FILE__, __LINE__)
#define expect_number(r, path, want) expect_number_((r), (path), (want), __FILE__, __LINE__)
#define expect_error(r, status, slug, fields) expect_error_((r), (status), (slug), (fields), __FILE__, __LINE__)

struct reply *expect_status_(struct reply *r, long want, const char *file, int line);
void expect_text_(struct reply *r, const char *path, const char *want, const char *file, int line);
void expect_number_(struct reply *r, const char *path, int want, const char *file, int line);

/* The documented error envelope, whole: status, code, slug, request id in body and header, and exactly these bad fields
 * ("name,phone" in any order; "" for none). NULL for a slug or for fields: whatever they are. */
void expect_error_(struct reply *r, long status, const char *slug, const char *fields, const char *file, int line);

/* The detail about `field`; the test ends when there is none. */
cJSON *detail_of(struct reply *r, const char *field);

/* Asks again every few milliseconds until it is true; false when the time is over. */
bool poll_until(double seconds, bool (*is_true)(void *arg), void *arg);
double now_s(void);

#endif
