#include "shell.h"

#include "expect.h"
#include "pool.h"
#include "replica.h"
#include "stack.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAID_MAX = 256 * 1024 };

static int status_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct said shell(const char *format, ...)
{
    char *command;
    va_list args;
    va_start(args, format);
    if (vasprintf(&command, format, args) < 0) abort();
    va_end(args);
    pool_keep(command, free);
    struct said said = { .text = calloc(1, SAID_MAX) };
    pool_keep(said.text, free);
    FILE *f = popen(text("{ %s\n} 2>&1", command), "r");
    expect(f, "%s", command);
    size_t n = fread(said.text, 1, SAID_MAX - 1, f);
    while (n == SAID_MAX - 1 && fgetc(f) != EOF) { /* it must not wait for us */
    }
    said.status = status_of(pclose(f));
    return said;
}

char *service_with_keys(const char *service, const char *data_keys_file, const char *args)
{
    const char *bin_dir = getenv("BIN_DIR"), *is_auth = strstr(service, "auth");
    return text("DATABASE_URL='%s' DATA_KEYS_FILE='%s' HTTP_PORT=%d JWKS_URL='%s/api/v1/auth/jwks' "
                "CURSOR_SECRET=0123456789abcdef0123456789abcdef timeout --foreground 60 %s/%s %s",
                is_auth ? stack.auth_db : stack.customer_db, data_keys_file, replica_port(), stack.auth_url,
                bin_dir ? bin_dir : "build/release/bin", service, args);
}

pid_t shell_start(const char *command)
{
    pid_t pid = fork();
    if (pid) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    execl("/bin/sh", "sh", "-c", command, NULL);
    _exit(127);
}

int shell_wait(pid_t pid)
{
    int status = 0;
    waitpid(pid, &status, 0);
    return status_of(status);
}

void shell_kill(pid_t pid)
{
    kill(-pid, SIGKILL);
    shell_wait(pid);
}
