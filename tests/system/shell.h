/* shell: commands as an operator runs them, and what they say. */
#ifndef SYSTEM_SHELL_H
#define SYSTEM_SHELL_H

#include <sys/types.h>

struct said {
    int status; /* exit status, or 128 + signal */
    char *text; /* standard output and error, until the test ends */
};

struct said shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A service with the stack's database and another key ring, as a command with `args`. */
char *service_with_keys(const char *service, const char *data_keys_file, const char *args);

/* The same in the background; ended with one of these. */
pid_t shell_start(const char *command);
int shell_wait(pid_t pid);  /* its exit status */
void shell_kill(pid_t pid); /* SIGKILL, and waits */

#endif
