/* records: requests through a gateway, and the audit's record of them. */
#ifndef SYSTEM_RECORDS_H
#define SYSTEM_RECORDS_H

#include "http.h"

/* `id`: the client's own of the request, by which its record is found. */
struct reply *through(const char *gateway, const char *token, const char *method, const char *path, const char *body, const char *id);

bool is_recorded(void *id);                               /* by now */
const char *recorded(const char *id, const char *field); /* an SQL expression of its one record; the test ends when none comes */
char *record_of(const char *time);                        /* JSON of one with an id of its own, as gateways bring them */
char *today(void);                                        /* UTC */
struct reply *verification(const char *day);              /* of the day's chain */

#endif
