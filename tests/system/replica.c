/* Further processes of a service: other settings, or a second one of the same. */
#include "replica.h"

#include "expect.h"
#include "pool.h"
#include "stack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REPLICAS_MAX = 8, ENVIRONMENT_MAX = 256 };

static pid_t running[REPLICAS_MAX];

static int free_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY) };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) || getsockname(fd, (struct sockaddr *)&at, &len)) abort();
    close(fd);
    return ntohs(at.sin_port);
}

/* The kernel chooses at random among some 14,000, and chooses the same again now and then. */
int replica_port(void)
{
    static bool is_given[UINT16_MAX + 1];
    int port;
    do port = free_port();
    while (is_given[port]);
    is_given[port] = true;
    return port;
}

static char *upper(const char *service)
{
    char *name = text("%s", service);
    for (char *p = name; *p; p++) *p = *p == '-' ? '_' : (char)(*p & ~0x20);
    return name;
}

/* What a process is started with. All is made before fork(): another thread may hold a lock at that moment, malloc's for one, which its
 * copy would hold for ever. */
struct start {
    char *environment[ENVIRONMENT_MAX + 1];
    size_t count;
    const char *binary;
    int log;
};

static void put(struct start *s, char *setting)
{
    size_t i = 0, name = strcspn(setting, "=") + 1;
    while (i < s->count && strncmp(s->environment[i], setting, name) != 0) i++;
    if (i == ENVIRONMENT_MAX) abort();
    s->environment[i] = setting;
    if (i == s->count) s->count++;
}

static void set(struct start *s, const char *name, const char *value)
{
    if (value) put(s, text("%s=%s", name, value));
}

static void set_port(struct start *s, const char *name, int port)
{
    set(s, name, text("%d", port));
}

static void gateway_settings(struct start *s, int admin_port, int https_port, int plain_port)
{
    const char *tls_dir = text("%.*s", (int)(strrchr(stack.ca_cert, '/') - stack.ca_cert), stack.ca_cert);
    set_port(s, "ADMIN_PORT", admin_port);
    set_port(s, "HTTPS_PORT", https_port);
    set_port(s, "PLAIN_PORT", plain_port);
    set(s, "TLS_CERT_FILE", text("%s/server.crt", tls_dir));
    set(s, "TLS_KEY_FILE", text("%s/server.key", tls_dir));
    set(s, "UPSTREAM_AUTH_SERVICE", stack.auth_url);
    set(s, "UPSTREAM_CUSTOMER_SERVICE", stack.customer_url);
    set(s, "UPSTREAM_OPPORTUNITY_SERVICE", stack.opportunity_url);
    set(s, "UPSTREAM_ORDER_SERVICE", stack.order_url);
}

struct how {
    const char *address;
    int port;
    const char *pki, *certificate; /* NULL: without TLS */
};

static void service_settings(struct start *s, const char *service)
{
    const char *name = upper(service);
    set(s, "DATABASE_URL", getenv(text("%s_DATABASE_URL", name)));
    set(s, "DATA_KEYS_FILE", getenv(text("%s_DATA_KEYS_FILE", name)));
    set(s, "SERVICE_CLIENT_ID", getenv(text("%s_CLIENT_ID", name)));
    set(s, "SERVICE_CLIENT_SECRET", getenv(text("%s_CLIENT_SECRET", name)));
}

static void tls_settings(struct start *s, const struct how *how)
{
    if (!how->pki) return;
    set(s, "TLS_CERT_FILE", text("%s/%s.crt", how->pki, how->certificate));
    set(s, "TLS_KEY_FILE", text("%s/%s.key", how->pki, how->certificate));
    set(s, "TLS_CLIENT_CA_FILE", text("%s/ca.crt", how->pki));
}

static void start_make(struct start *s, const char *service, const struct how *how, int https_port, int plain_port, va_list settings)
{
    const char *log_dir = getenv("LOG_DIR"), *bin_dir = getenv("BIN_DIR");
    *s = (struct start){ .binary = text("%s/%s", bin_dir ? bin_dir : "build/release/bin", service) };
    s->log = open(log_dir ? text("%s/replica.log", log_dir) : "/dev/null", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    for (char **e = environ; *e; e++) put(s, *e);
    set(s, "HTTP_ADDRESS", how->address);
    set_port(s, "HTTP_PORT", how->port);
    set(s, "JWKS_URL", text("%s/api/v1/auth/jwks", stack.auth_url));
    set(s, "CURSOR_SECRET", "0123456789abcdef0123456789abcdef");
    service_settings(s, service);
    if (!getenv(text("%s_DATABASE_URL", upper(service)))) gateway_settings(s, how->port, https_port, plain_port);
    tls_settings(s, how);
    for (const char *setting; (setting = va_arg(settings, const char *));) put(s, text("%s", setting));
}

static void run(const struct start *s)
{
    dup2(s->log, STDOUT_FILENO);
    dup2(s->log, STDERR_FILENO);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execve(s->binary, (char *[]){ (char *)s->binary, NULL }, s->environment);
    _exit(127);
}

/* Its exit status as a shell has it; -1: it goes on. */
static int end_of(pid_t pid, int options)
{
    int status = 0;
    pid_t ended;
    do ended = waitpid(pid, &status, options);
    while (ended < 0 && errno == EINTR);
    if (ended != pid) return -1;
    for (size_t i = 0; i < REPLICAS_MAX; i++)
        if (running[i] == pid) running[i] = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct awaited {
    struct replica replica;
    int end; /* -1: not yet */
};

static bool is_ready(const struct replica *r)
{
    const struct request readyz = { .method = "GET", .url = text("%s/readyz", r->url), .timeout_ms = 1000, .fresh = true, .pki = r->pki };
    return http_send(&readyz)->status == 200;
}

static bool is_ready_or_over(void *arg)
{
    struct awaited *a = arg;
    a->end = end_of(a->replica.pid, WNOHANG);
    return a->end >= 0 || is_ready(&a->replica);
}

/* The last that replicas have logged tells why; fails the test. */
static void fail_start(const char *service, int end)
{
    fflush(NULL);
    if (system("test -z \"$LOG_DIR\" || tail -n 20 \"$LOG_DIR\"/replica.log") < 0) abort();
    expect(end < 0, "%s ends with status %d instead of becoming ready", service, end);
    expect(false, "%s does not become ready", service);
}

static struct replica begin(const char *service, const struct how *how, va_list settings)
{
    struct replica r = { .pki = how->pki };
    int https_port = replica_port(), plain_port = replica_port();
    snprintf(r.url, sizeof r.url, "%s://%s:%d", how->pki ? "https" : "http", how->address, how->port);
    snprintf(r.https_url, sizeof r.https_url, "https://localhost:%d", https_port);
    snprintf(r.plain_url, sizeof r.plain_url, "http://127.0.0.1:%d", plain_port);
    struct start s;
    start_make(&s, service, how, https_port, plain_port, settings);
    r.pid = fork();
    if (r.pid == 0) run(&s);
    close(s.log);
    for (size_t i = 0; i < REPLICAS_MAX; i++)
        if (!running[i]) {
            running[i] = r.pid;
            break;
        }
    return r;
}

static struct replica start(const char *service, const struct how *how, va_list settings)
{
    struct awaited a = { .replica = begin(service, how, settings) };
    if (!poll_until(20, is_ready_or_over, &a) || a.end >= 0) fail_start(service, a.end);
    return a.replica;
}

struct replica replica_start(const char *service, ...)
{
    va_list settings;
    va_start(settings, service);
    struct replica r = start(service, &(struct how){ .address = "127.0.0.1", .port = replica_port() }, settings);
    va_end(settings);
    return r;
}

struct replica replica_start_at(const char *address, int port, const char *service, ...)
{
    va_list settings;
    va_start(settings, service);
    struct replica r = start(service, &(struct how){ .address = address, .port = port }, settings);
    va_end(settings);
    return r;
}

struct replica replica_start_tls(const char *pki, const char *name, const char *service, ...)
{
    va_list settings;
    va_start(settings, service);
    struct replica r = start(
        service, &(struct how){ .address = "127.0.0.1", .port = replica_port(), .pki = pki, .certificate = name }, settings);
    va_end(settings);
    return r;
}

int replica_refusal(const char *service, ...)
{
    va_list settings;
    va_start(settings, service);
    struct replica r = begin(service, &(struct how){ .address = "127.0.0.1", .port = replica_port() }, settings);
    va_end(settings);
    return end_of(r.pid, 0);
}

int replica_stop(struct replica *r)
{
    kill(r->pid, SIGTERM);
    return end_of(r->pid, 0);
}

void replicas_end(void)
{
    for (size_t i = 0; i < REPLICAS_MAX; i++) {
        if (!running[i]) continue;
        kill(running[i], SIGKILL);
        end_of(running[i], 0);
    }
}
