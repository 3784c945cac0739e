/* decimal: exact amounts, as int64 hundredths (fen). Never a double. */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include "base/buf.h"

#define MONEY_MAX INT64_C(999999999999999) /* 9999999999999.99 */

/* A JSON number literal: optional '-', digits, at most two decimals, no exponent, |x| <= 9999999999999.99. */
bool money_read(struct str literal, int64_t *ret_fen);
void money_write(struct buf *b, int64_t fen); /* always two decimals */

/* The same of a quantity, in thousandths: at most three decimals, |x| <= 9999999999999.999. */
bool quantity_read(struct str literal, int64_t *ret_thousandths);
void quantity_write(struct buf *b, int64_t thousandths); /* always three decimals */

/* round-half-up(quantity * price): quantity in thousandths (>= 0), price in fen; false on overflow of MONEY_MAX. */
bool money_times(int64_t thousandths, int64_t fen, int64_t *ret_fen);
/* round-half-up(amount * percent / 100): percent in hundredths, e.g. 13.00 % = 1300. */
bool money_percent(int64_t fen, int64_t hundredths_percent, int64_t *ret_fen);

#endif
