/* conversion: leads that become customers which are still to be made, by customer-service: one logical operation over two databases.
 *
 * lead_conversions (0015_leads.sql) has what is to come before anybody is asked. The request that begins it goes on with it at once, as
 * the caller; whatever stops that, it is an errand of this service from then on (app/errands). Both ask for the same ids, so that nothing
 * is made twice, and the end - opportunity, lead, and the row's own end - is one transaction. */
#ifndef CONVERSION_H
#define CONVERSION_H

#include "app/errands.h"

extern const struct errand conversion_errands[]; /* ends in {0} */

#endif
