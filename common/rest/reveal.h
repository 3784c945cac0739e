/* reveal: secret values in clear, for a reason that is recorded: POST /<resource>/{id}/reveal.
 *
 * The record of who was shown what and why (table reveals, rest/rest_access.sql) and the values come from one transaction: nobody is
 * shown anything that is not recorded. The values themselves are recorded nowhere, so an Idempotency-Key means nothing here. */
#ifndef REST_REVEAL_H
#define REST_REVEAL_H

void reveal_set_limit(int per_hour); /* of one user */

#endif
