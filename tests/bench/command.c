#include "command.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { FILE_MAX = 64 * 1024 * 1024, FIELDS_MAX = 64 * 1024 };

static const char *program = "";

void command_name(const char *name)
{
    program = name;
}

void command_fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s: %s\n", program, what, why);
    exit(EXIT_FAILURE);
}

double command_number(int option, const char *text, double least, double most)
{
    char *end, why[80];
    double n = strtod(text, &end);
    if (end != text && !*end && n >= least && n <= most) return n;
    snprintf(why, sizeof why, "-%c takes a number from %g to %g", option, least, most);
    command_fail(text, why);
}

struct str command_file(const char *name, struct buf *b)
{
    char piece[4096];
    FILE *f = fopen(name, "r");
    if (!f) command_fail(name, strerror(errno));
    buf_init(b, FILE_MAX);
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;) buf_add(b, (struct str){ piece, n });
    if (ferror(f)) command_fail(name, strerror(errno));
    fclose(f);
    if (!buf_ok(b)) command_fail(name, "too large");
    return buf_str(b);
}

static void token_add(struct buf *fields, const char *file)
{
    struct buf token;
    struct str rest = command_file(file, &token), line = str_cut(&rest, '\n');
    if (!line.len) command_fail(file, "its first line is empty");
    buf_addf(fields, "Authorization: Bearer %.*s\r\n", STR_ARG(line));
    buf_done(&token);
    if (!buf_ok(fields)) command_fail(file, "too long for a token");
}

struct str command_fields(const struct origin *origin, const char *token_file, struct buf *b)
{
    buf_init(b, FIELDS_MAX);
    buf_addf(b, "Host: %.*s\r\n", STR_ARG(origin->authority));
    if (token_file) token_add(b, token_file);
    return buf_str(b);
}

void command_sockets(int connections)
{
    struct rlimit files;
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= (rlim_t)connections + 16) return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_max < (rlim_t)connections + 16) command_fail("-c", "more connections than this process may have files (ulimit -n)");
}
