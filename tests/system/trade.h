/* trade: what tests of order-service make again and again. */
#ifndef SYSTEM_TRADE_H
#define SYSTEM_TRADE_H

#include "http.h"

/* The set-up of a test that talks to order-service. */
int to_orders(void **state);

/* A customer of the caller, whom order-service knows; its id. `limit`: the credit limit, NULL: none. */
char *customer_with_credit(const char *limit);

char *product(const char *price); /* a new one on sale; its id */

/* An opportunity of the caller that order-service knows. */
char *opportunity_known(const char *customer);

/* "{...}": an item of an order or a quote; `more` is further members: "\"unit_price\":1.00", or NULL. */
char *item(const char *product, const char *quantity, const char *more);

/* Each makes a record and returns its id; the test ends when that fails. `more` as above. */
char *order(const char *customer, const char *items, const char *more);
char *quote(const char *customer, const char *items, const char *more);

char *order_body(const char *customer, const char *items, const char *more);
char *order_path(const char *id, const char *more); /* /api/v1/orders/<id><more> */
char *quote_path(const char *id, const char *more);

void expect_order(const char *id, const char *status); /* the order's status is this */

/* Ledger, accounts and orders agree, as the command says that proves it. */
void expect_credit_agrees(void);

#endif
