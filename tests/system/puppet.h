/* puppet: a service that the test plays itself, on sockets: what the gateway sends it, and when, is what the test is about. */
#ifndef SYSTEM_PUPPET_H
#define SYSTEM_PUPPET_H

#include "replica.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct puppet {
    int fd, port;
};

struct puppet puppet_open(void);

/* A gateway of one thread whose customer-service it is, and that asks it nothing by itself. Settings, or NULL. */
struct replica puppet_gateway(const struct puppet *p, const char *one, const char *another);
void puppet_close(struct puppet *p);
int puppet_accept(const struct puppet *p); /* the next connection; the test ends when none comes */

char *puppet_head(int fd); /* the head of the request, byte by byte, so that the body is still to be read */

/* A long body is a pattern, so that a byte that is lost, changed or out of place is found. */
void pattern_fill(char *to, size_t len, size_t position);

/* Sends the pattern until nobody takes more of it for half a second, or all is sent; how many bytes have gone. */
size_t pattern_send(int fd, size_t from, size_t to);
/* Reads and compares until `to`, the end of the connection, or a pause of seconds; how many bytes were right. */
size_t pattern_receive(int fd, size_t from, size_t to);

bool hangs_up(int fd); /* the peer has closed, or does so soon */

#endif
