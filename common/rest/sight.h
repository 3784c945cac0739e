/* sight: what the caller of a request may see: whose records, and what is secret in them. The one place that asks a principal. */
#ifndef REST_SIGHT_H
#define REST_SIGHT_H

#include "http/req.h"
#include "schema/scope.h"

struct scope sight_scope(struct req *r); /* texts in the arena */

/* Does he reach the record of `owner` (16 bytes; absent: nobody's), who is in `department` (its path; absent: none)? The same rule as
 * schema/scope.h. */
bool sight_reaches(const struct req *r, struct str owner, struct str department);

bool sight_needs_department(const struct req *r); /* to tell that: not who reaches his own records only, or all */

bool sight_is_owner(const struct req *r, struct str owner);

/* May he see the F_SECRET fields of `resource`'s records, whosever they are? */
bool sight_of_secrets(const struct req *r, const struct resource *resource);

#endif
