/* sales: what tests of opportunity-service make again and again. */
#ifndef SYSTEM_SALES_H
#define SYSTEM_SALES_H

#include "http.h"

/* The stages that every installation has, and their pipeline. */
#define PIPELINE_STANDARD "018f3c5e-7a10-7c3e-9b1a-5a0000000001"
#define STAGE_(n) "018f3c5e-7a10-7c3e-9b1a-5a00000001" #n
#define STAGE_CONTACT STAGE_(01)
#define STAGE_REQUIREMENT STAGE_(02)
#define STAGE_PROPOSAL STAGE_(03)
#define STAGE_NEGOTIATION STAGE_(04)
#define STAGE_CONTRACT STAGE_(05)
#define STAGE_WON STAGE_(06)
#define STAGE_LOST STAGE_(07)
#define STAGE_INVALID STAGE_(08)

/* The set-up of a test that talks to opportunity-service. */
int to_opportunities(void **state);

/* A customer of the caller that opportunity-service knows of; its id. */
char *customer_known(const char *name);

/* Waits until opportunity-service knows the user. */
void staff_known(const char *user_id);

/* Makes an opportunity and returns its id; the test ends when that fails. `customer`: an id, or NULL for a new one; `more` is further
 * members: "\"status\":\"…\"", or NULL. */
char *opportunity(const char *name, const char *customer, const char *more);
char *opportunity_path(const char *id, const char *more); /* /api/v1/opportunities/<id><more> */

/* Moves it; `more` as above. */
struct reply *move_to(const char *id, const char *stage, const char *more);

/* Leads, as opportunities above. */
char *lead(const char *name, const char *more);
char *lead_path(const char *id, const char *more);

/* Activities, the same way: a visit that begins at `start`. */
char *activity(const char *name, const char *start, const char *more);
char *activity_path(const char *id, const char *more);

char *phone_new(void); /* a number that nobody else in this run has */

#endif
