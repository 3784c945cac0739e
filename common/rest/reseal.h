/* reseal: the command that seals anew, with the current key, what older keys sealed, and what stood in clear before there were any.
 *
 * It works through each table in batches, beside the running service. Which rows are left to do is to be seen in the rows, so
 * a run that was ended in its midst is simply begun again. A row is replaced only if it still holds what was read
 * (compare and swap on the ciphertext). Nothing of a record changes: neither its version nor its times, and no event is
 * recorded. When a key seals nothing any more, its row in data_keys goes, and the key may go too. */
#ifndef REST_RESEAL_H
#define REST_RESEAL_H

#include "base/vault.h"
#include "schema/schema.h"

/* Says on standard output what was done and which older keys are still needed. The exit status. */
int reseal_run(const char *database_url, const struct vault *v, const struct resource *const *resources);

#endif
