/* data_keys: are the keys that this process was given those that the data was sealed with?
 *
 * Table data_keys has a row for each key that values may be sealed with: its name in the key ring and a canary, a text that only
 * this key opens; "index" has the blind index of a text instead; "clear" means that values are there which are not sealed yet
 * (rest/reseal.h takes care of them). A key ring that lacks one of them, or has another one under its name, would make rows
 * unreadable and indexes useless: with such a ring nothing is served and nothing is written. */
#ifndef REST_DATA_KEYS_H
#define REST_DATA_KEYS_H

#include "base/vault.h"
#include "io/pg.h"

struct worker;

extern const struct pg_stmt stmt_data_keys_read; /* name, canary */
extern const struct pg_stmt stmt_data_keys_add;  /* values of data_keys_params(); keeps rows that are there */

enum { DATA_KEYS_PARAMS = 3 };
void data_keys_params(struct arena *a, const struct vault *v, const char *values[DATA_KEYS_PARAMS]);

/* From stmt_data_keys_read's rows (binary). NULL: all is well; else what is wrong, in the arena. `complete`: the keys that this
 * process seals and indexes with are among them. */
const char *data_keys_fault(struct arena *a, const struct vault *v, const struct pg_segment *s, int call, bool *ret_complete);

/* --- before the first request of a process ----------------------------------------------------------------------------- */

enum data_keys_state { DATA_KEYS_UNKNOWN, DATA_KEYS_GOOD, DATA_KEYS_BAD };

/* What the process seals with; NULL: nothing, which is good. Once, before the workers start. */
void data_keys_begin(const struct vault *v);

/* Asks the database if it is not known yet and one of `w`'s connections is ready. One worker calls it, again and again. BAD was
 * logged. */
enum data_keys_state data_keys_check(struct worker *w);
bool data_keys_are_good(void); /* as last found; any thread */

#endif
