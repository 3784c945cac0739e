/* redis_server: a real redis-server on a unix socket in a directory of its own, started and ended by the test. */
#ifndef TESTS_REDIS_SERVER_H
#define TESTS_REDIS_SERVER_H

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct redis_server {
    char dir[32], socket[48], url[96];
    pid_t pid;
} redis_server;

/* `password` NULL: none. Does not wait: the client's own reconnecting does. */
static inline void redis_server_start(const char *password)
{
    const char *argv[] = { "redis-server",
                           "--port",
                           "0",
                           "--unixsocket",
                           redis_server.socket,
                           "--save",
                           "",
                           "--dir",
                           redis_server.dir,
                           "--logfile",
                           "log",
                           password ? "--requirepass" : NULL,
                           password,
                           NULL };
    redis_server.pid = fork();
    if (redis_server.pid) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(argv[0], (char **)argv);
    _exit(127);
}

static inline void redis_server_kill(void)
{
    kill(redis_server.pid, SIGKILL);
    assert_int_equal(waitpid(redis_server.pid, NULL, 0), redis_server.pid);
    redis_server.pid = 0;
}

static inline void redis_server_make(void)
{
    snprintf(redis_server.dir, sizeof redis_server.dir, "/tmp/test_redis_XXXXXX");
    assert_non_null(mkdtemp(redis_server.dir));
    snprintf(redis_server.socket, sizeof redis_server.socket, "%s/s", redis_server.dir);
    snprintf(redis_server.url, sizeof redis_server.url, "unix://%s", redis_server.socket);
}

static inline void redis_server_end(void)
{
    char log[64];
    if (redis_server.pid) redis_server_kill();
    snprintf(log, sizeof log, "%s/log", redis_server.dir);
    unlink(log);
    unlink(redis_server.socket);
    assert_int_equal(rmdir(redis_server.dir), 0);
}

#endif
