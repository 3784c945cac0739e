#include "stack.h"

#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "replica.h"
#include "sql.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TESTS_MAX = 64 };

struct stack stack;
static char *run_dir;
static pid_t watcher;
static int lifeline = -1;

/* --- the env file: NAME='value' lines ----------------------------------------------------------------------------- */

static void unquote(char *value)
{
    char *to = value;
    for (const char *p = value; *p && *p != '\n'; p++) {
        if (*p == '\\' && p[1])
            *to++ = *++p;
        else if (*p != '\'')
            *to++ = *p;
    }
    *to = 0;
}

static bool env_read(const char *path)
{
    char line[4096];
    FILE *f = fopen(path, "r");
    if (!f) return false;
    while (fgets(line, sizeof line, f)) {
        char *value = strchr(line, '=');
        if (!value) continue;
        *value++ = 0;
        unquote(value);
        setenv(line, value, 1);
    }
    fclose(f);
    return true;
}

static const char *must_env(const char *name)
{
    const char *value = getenv(name);
    if (value) return value;
    fprintf(stderr, "%s is not in the environment that the stack describes\n", name);
    exit(EXIT_FAILURE);
}

static void stack_describe(void)
{
    const struct {
        const char *name, **to;
    } values[] = {
        { "BASE_URL", &stack.gateway_url },
        { "GATEWAY_ADMIN_URL", &stack.gateway_admin_url },
        { "CA_CERT", &stack.ca_cert },
        { "AUTH_SERVICE_URL", &stack.auth_url },
        { "CUSTOMER_SERVICE_URL", &stack.customer_url },
        { "OPPORTUNITY_SERVICE_URL", &stack.opportunity_url },
        { "ORDER_SERVICE_URL", &stack.order_url },
        { "AUTH_SERVICE_DATABASE_URL", &stack.auth_db },
        { "CUSTOMER_SERVICE_DATABASE_URL", &stack.customer_db },
        { "OPPORTUNITY_SERVICE_DATABASE_URL", &stack.opportunity_db },
        { "ORDER_SERVICE_DATABASE_URL", &stack.order_db },
        { "DATABASE_ADMIN_URL", &stack.admin_db },
        { "ADMIN_USERNAME", &stack.username },
        { "ADMIN_PASSWORD", &stack.password },
    };
    for (size_t i = 0; i < COUNT(values); i++) *values[i].to = must_env(values[i].name);
}

/* --- start and end ------------------------------------------------------------------------------------------------ */

/* Runs deploy/stack.sh clean once our end of the pipe is gone, however we went. */
static void watch(void)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) abort();
    watcher = fork();
    if (watcher == 0) {
        setsid();
        dup2(ends[0], STDIN_FILENO);
        dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
        execl("/bin/sh", "sh", "-c", "trap '' INT TERM HUP; read -r _; exec deploy/stack.sh \"$0\"",
              getenv("KEEP") ? "stop" : "clean", NULL);
        _exit(127);
    }
    if (watcher < 0) abort();
    close(ends[0]);
    lifeline = ends[1];
}

static void stack_end(void)
{
    if (lifeline < 0) return;
    close(lifeline);
    lifeline = -1;
    waitpid(watcher, NULL, 0);
    if (getenv("KEEP")) fprintf(stderr, "kept: %s\n", run_dir);
    free(run_dir);
}

/* Tests ask more often than people do, all from one address. */
static void rates_open(void)
{
    static const char *const limits[] = { "RATE_USER", "RATE_CLIENT", "RATE_ADDRESS", "RATE_LOGIN", "RATE_REPORT" };
    for (size_t i = 0; i < COUNT(limits); i++) setenv(limits[i], "1000000/s", 0);
}

static void stack_start(void)
{
    const char *tmp = getenv("TMPDIR");
    char command[512];
    if (asprintf(&run_dir, "%s/crm-test-XXXXXX", tmp && *tmp ? tmp : "/tmp") < 0 || !mkdtemp(run_dir)) abort();
    setenv("RUN_DIR", run_dir, 1);
    setenv("PORTS", "free", 1);
    setenv("DEMO", "0", 1);
    rates_open();
    watch();
    atexit(stack_end);
    snprintf(command, sizeof command, "deploy/stack.sh start >%s.out 2>&1", run_dir);
    int status = system(command);
    if (status) {
        snprintf(command, sizeof command, "cat %s.out >&2", run_dir);
        if (system(command)) fprintf(stderr, "deploy/stack.sh said nothing\n");
    }
    snprintf(command, sizeof command, "%s.out", run_dir);
    unlink(command);
    if (status) exit(EXIT_FAILURE);
    snprintf(command, sizeof command, "%s/env", run_dir);
    if (!env_read(command)) exit(EXIT_FAILURE);
}

static void log_in(void)
{
    const char *const services[] = { stack.auth_url, stack.customer_url, stack.opportunity_url, stack.order_url };
    for (size_t i = 0; i < COUNT(services); i++) {
        if (url_is_ready(services[i], 20)) continue;
        fprintf(stderr, "%s does not become ready\n", services[i]);
        exit(EXIT_FAILURE);
    }
    stack.admin_token = strdup(token_of(stack.username, stack.password));
    if (!*stack.admin_token) {
        fprintf(stderr, "the administrator cannot log in\n");
        exit(EXIT_FAILURE);
    }
}

/* --- what the sanitizers said ------------------------------------------------------------------------------------- */

static int sanitizer_reports(void)
{
    char command[1024];
    snprintf(command, sizeof command,
             "deploy/stack.sh stop >/dev/null; grep -aE -A 12 'ERROR: (Address|Leak|Thread)Sanitizer|runtime error:' "
             "%s/log/*.log >&2",
             run_dir);
    return system(command) == 0;
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

/* The state that a test begins with is itself, as it was given to us. */
static int before(void **state)
{
    const struct CMUnitTest *test = *state;
    http_reset();
    return test->setup_func ? test->setup_func(state) : 0;
}

static int after(void **state)
{
    (void)state;
    replicas_end();
    pool_empty();
    return 0;
}

int system_main(const char *name, const struct CMUnitTest *tests, size_t count)
{
    struct CMUnitTest own[TESTS_MAX];
    const char *only = getenv("ONLY"), *attach = getenv("ATTACH");
    size_t n = 0;
    signal(SIGPIPE, SIG_IGN);
    stack.attached = attach && *attach;
    if (!stack.attached)
        stack_start();
    else if (!env_read(attach))
        return fprintf(stderr, "cannot read %s\n", attach), EXIT_FAILURE;
    stack_describe();
    log_in();
    for (size_t i = 0; i < count && n < TESTS_MAX; i++) {
        if (only && !strstr(tests[i].name, only)) continue;
        own[n] = tests[i];
        own[n].initial_state = (void *)(uintptr_t)&tests[i];
        own[n].setup_func = before;
        own[n++].teardown_func = after;
    }
    int failed = _cmocka_run_group_tests(name, own, n, NULL, NULL);
    pool_empty();
    if (!stack.attached && sanitizer_reports()) failed = fprintf(stderr, "a sanitizer has reported an error\n");
    sql_end();
    http_end();
    free((char *)stack.admin_token);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* --- parts -------------------------------------------------------------------------------------------------------- */

void own_stack_only(void)
{
    if (stack.attached) skip();
}

pid_t part_pid(const char *part)
{
    int pid = 0;
    FILE *f = fopen(must_env(text("%s_PID_FILE", part)), "r");
    if (!f) return 0;
    if (fscanf(f, "%d", &pid) != 1) pid = 0;
    fclose(f);
    return pid > 0 && kill(pid, 0) == 0 ? pid : 0;
}

void part_signal(const char *part, int signal)
{
    pid_t pid = part_pid(part);
    expect(pid > 0 && kill(pid, signal) == 0, "%s", part);
}

struct part_wait {
    const char *part, *url;
    pid_t old;
};

static bool is_new(void *arg)
{
    const struct part_wait *w = arg;
    pid_t pid = part_pid(w->part);
    return pid && pid != w->old;
}

bool part_is_new(const char *part, pid_t old, double seconds)
{
    return poll_until(seconds, is_new, &(struct part_wait){ .part = part, .old = old });
}

static bool is_ready(void *arg)
{
    const struct part_wait *w = arg;
    return http_send(&(struct request){
                         .method = "GET", .url = text("%s/readyz", w->url), .timeout_ms = 1000, .fresh = true })
               ->status == 200;
}

bool url_is_ready(const char *url, double seconds)
{
    return poll_until(seconds, is_ready, &(struct part_wait){ .url = url });
}
