/* replica: another process of a service beside the stack's: with other settings, or a second one of the same. */
#ifndef SYSTEM_REPLICA_H
#define SYSTEM_REPLICA_H

#include <sys/types.h>

struct replica {
    pid_t pid;
    char url[64];       /* of a gateway: its admin port */
    char https_url[64]; /* of a gateway */
    char plain_url[64]; /* of a gateway: http */
    const char *pki;    /* of a service that speaks TLS */
};

/* A service, or "gateway", with further settings ("NAME=value", ..., NULL). Ready when this returns; ends with the test at the latest. */
struct replica replica_start(const char *service, ...) __attribute__((sentinel));
struct replica replica_start_at(const char *address, int port, const char *service, ...) __attribute__((sentinel));

/* A service that speaks TLS with the certificate `name` of `pki`, and only with clients that have one of its CA. */
struct replica replica_start_tls(const char *pki, const char *name, const char *service, ...) __attribute__((sentinel));
int replica_refusal(const char *service, ...) __attribute__((sentinel)); /* one that does not start: its exit status, as below */
int replica_port(void); /* one that is free on every address, and given once */
int replica_stop(struct replica *r); /* SIGTERM; its exit status, or 128 + signal */
void replicas_end(void);             /* after each test */

#endif
