/* order: what the files of order-service share. */
#ifndef ORDER_SERVICE_ORDER_H
#define ORDER_SERVICE_ORDER_H

struct order_settings {
    int approval_amount; /* yuan */
};

/* The command: DATABASE_URL=... order-service verify-credit; the exit status. */
int credit_verify_command(void);

#endif
