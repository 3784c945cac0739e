/* What the gateway does with the addresses of a service: several replicas, retries, the breaker, and who it says the client is. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "replica.h"
#include "sql.h"
#include "stack.h"

#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SETTING(name, ...) text(name "=" __VA_ARGS__)

static struct reply *ask(const struct replica *gateway, const char *method, const char *body, const char *header)
{
    return http_send(&(struct request){ .method = method,
                                        .url = text("%s/api/v1/customers%s", gateway->https_url, body ? "" : "?size=1"),
                                        .token = stack.admin_token,
                                        .body = body,
                                        .headers = { header },
                                        .fresh = true });
}

/* --- replicas ----------------------------------------------------------------------------------------------------- */

static void test_replica_that_is_gone_costs_no_request(void **state)
{
    (void)state;
    struct replica one = replica_start("customer-service", NULL), two = replica_start("customer-service", NULL);
    struct replica gateway =
        replica_start("gateway", SETTING("UPSTREAM_CUSTOMER_SERVICE", "%s, %s", one.url, two.url), "WORKERS=1", NULL);
    for (int i = 0; i < 20; i++) expect_status(ask(&gateway, "GET", NULL, NULL), 200);
    for (int i = 0; i < 2; i++) { /* both had their share */
        const char *seen = expect_status(GET(text("%s/metrics", i ? two.url : one.url)), 200)->body;
        expect(strstr(seen, "operation=\"listCustomers\",status=\"2xx\"") != NULL, "replica %d was not asked:\n%s", i, seen);
    }
    kill(one.pid, SIGKILL);
    for (int i = 0; i < 40; i++) expect_status(ask(&gateway, "GET", NULL, NULL), 200);
    const char *key = text("Idempotency-Key: %s", unique("k"));
    for (int i = 0; i < 5; i++)
        expect_status(ask(&gateway, "POST", text("{\"customer_name\":\"%s\",\"customer_type\":\"企业\"}", "重试"), key), 200);
    assert_int_equal(sql_count(stack.customer_db, "SELECT count(*) FROM customers WHERE customer_name = '重试'"), 1);
    assert_int_equal(replica_stop(&gateway), 0);
}

/* --- the breaker -------------------------------------------------------------------------------------------------- */

static bool line_is_there(void *arg)
{
    const char *part = arg;
    FILE *f = fopen(text("%s/replica.log", getenv("LOG_DIR")), "r");
    char line[8192];
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f)) found = strstr(line, part) != NULL;
    if (f) fclose(f);
    return found;
}

/* Access lines are written a moment later. */
static bool has_logged(const char *part)
{
    return poll_until(5, line_is_there, text("%s", part));
}

static bool answers(void *arg)
{
    return ask(arg, "GET", NULL, NULL)->status == 200;
}

static void test_breaker_opens_and_closes_by_itself(void **state)
{
    (void)state;
    own_stack_only();
    struct replica gateway = replica_start("gateway", "WORKERS=1", NULL);
    pid_t old = part_pid("CUSTOMER_SERVICE");
    expect_status(ask(&gateway, "GET", NULL, NULL), 200);
    part_signal("SUPERVISOR", SIGSTOP);
    part_signal("CUSTOMER_SERVICE", SIGKILL);
    double slowest = 0;
    for (int i = 0; i < 30; i++) {
        struct reply *r = ask(&gateway, "GET", NULL, NULL);
        expect(r->status == 503 || r->status == 502, "%ld", r->status);
        if (r->seconds > slowest) slowest = r->seconds;
    }
    struct reply *refused = ask(&gateway, "GET", NULL, NULL);
    struct reply *other = http_send(&(struct request){
        .method = "GET", .url = text("%s/api/v1/auth/validate", gateway.https_url), .token = stack.admin_token, .fresh = true });
    bool opened = has_logged("\"to\":\"open\"");
    part_signal("SUPERVISOR", SIGCONT);
    expect(opened, "the breaker has not opened");
    expect_error(refused, 503, "SERVICE_UNAVAILABLE", "");
    assert_non_null(header(refused, "Retry-After"));
    expect(slowest < 2, "%.3f s", slowest);
    expect_status(other, 200); /* another service's routes are not concerned */
    expect(part_is_new("CUSTOMER_SERVICE", old, 20) && poll_until(30, answers, &gateway), "it does not close");
    for (int i = 0; i < 5; i++) expect_status(ask(&gateway, "GET", NULL, NULL), 200);
    expect(has_logged("\"to\":\"closed\""), "the log does not say that it closed");
    assert_int_equal(replica_stop(&gateway), 0);
}

/* --- what goes on to a service ------------------------------------------------------------------------------------ */

#define GOOD_REPLY "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"

static struct {
    int fd, port;
    const char *reply;
    char head[16384];
} listener;

static void *hear_one(void *arg)
{
    int fd = accept(listener.fd, NULL, NULL);
    size_t len = 0;
    (void)arg;
    while (len < sizeof listener.head - 1 && !strstr(listener.head, "\r\n\r\n")) {
        ssize_t n = recv(fd, listener.head + len, sizeof listener.head - 1 - len, 0);
        if (n <= 0) break;
        len += (size_t)n;
        listener.head[len] = 0;
    }
    if (send(fd, listener.reply, strlen(listener.reply), MSG_NOSIGNAL) < 0) abort();
    close(fd);
    return NULL;
}

static void listener_open(void)
{
    listener.reply = GOOD_REPLY;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    listener.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener.fd, (struct sockaddr *)&at, sizeof at) || listen(listener.fd, 8) ||
        getsockname(listener.fd, (struct sockaddr *)&at, &len))
        abort();
    listener.port = ntohs(at.sin_port);
}

static struct reply *through(const struct replica *gateway, const char *first, const char *second)
{
    pthread_t thread;
    memset(listener.head, 0, sizeof listener.head);
    pthread_create(&thread, NULL, hear_one, NULL);
    struct reply *r = http_send(&(struct request){ .method = "GET",
                                                   .url = text("%s/api/v1/customers", gateway->https_url),
                                                   .token = stack.admin_token,
                                                   .headers = { first, second },
                                                   .fresh = true });
    pthread_join(thread, NULL);
    return r;
}

/* The head that a service gets of a GET with these header lines. */
static const char *head_of(const struct replica *gateway, const char *first, const char *second)
{
    expect_status(through(gateway, first, second), 200);
    return listener.head;
}

static struct replica gateway_to_listener(const char *trusted)
{
    return replica_start("gateway", SETTING("UPSTREAM_CUSTOMER_SERVICE", "http://127.0.0.1:%d", listener.port),
                         SETTING("TRUSTED_PROXIES", "%s", trusted), "WORKERS=1",
                         "UPSTREAM_CHECK_MS=0", NULL);
}

static void has(const char *head, const char *part)
{
    expect(strcasestr(head, part) != NULL, "no %s in\n%s", part, head);
}

static void lacks(const char *head, const char *part)
{
    expect(strcasestr(head, part) == NULL, "%s in\n%s", part, head);
}

static void test_forwarded_addresses_are_believed_of_trusted_proxies_only(void **state)
{
    (void)state;
    static const char forged[] = "X-Forwarded-For: 203.0.113.9, 198.51.100.7, 10.1.2.3";
    listener_open();
    struct replica nobody = gateway_to_listener(""), proxies = gateway_to_listener("127.0.0.0/8, 10.0.0.0/8");
    const char *head = text("%s", head_of(&nobody, forged, "X-Real-IP: 203.0.113.9"));
    has(head, "\r\nX-Forwarded-For: 127.0.0.1\r\n");
    lacks(head, "203.0.113.9");
    head = text("%s", head_of(&proxies, forged, "X-User-Id: 1"));
    has(head, "\r\nX-Forwarded-For: 198.51.100.7\r\n"); /* the last one that no trusted proxy is */
    lacks(head, "203.0.113.9");
    lacks(head, "X-User-Id");
    has(head_of(&proxies, "X-Forwarded-For: junk", NULL), "\r\nX-Forwarded-For: 127.0.0.1\r\n");
    expect(has_logged("\"peer\":\"198.51.100.7\""), "the access log has another address");
    assert_int_equal(replica_stop(&nobody), 0);
    assert_int_equal(replica_stop(&proxies), 0);
    close(listener.fd);
}

static void test_trace_is_continued(void **state)
{
    (void)state;
    listener_open();
    struct replica gateway = gateway_to_listener("");
    const char *head = text("%s", head_of(&gateway, "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                          "tracestate: vendor=1"));
    has(head, "\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-");
    lacks(head, "00f067aa0ba902b7"); /* the gateway is the parent now */
    has(head, "-01\r\n");
    has(head, "\r\ntracestate: vendor=1\r\n");
    head = text("%s", head_of(&gateway, "traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01", "tracestate: vendor=1"));
    has(head, "\r\ntraceparent: 00-");
    lacks(head, "00000000000000000000000000000000");
    lacks(head, "tracestate");
    assert_int_equal(replica_stop(&gateway), 0);
    close(listener.fd);
}

/* What permission and routing went by is what the service sees; the query is its own. */
static void test_path_goes_on_in_normal_form(void **state)
{
    static const struct {
        const char *asked, *gets;
    } paths[] = {
        { "/api/v1/%63ustomers?a=%63", "GET /api/v1/customers?a=%63 HTTP/1.1\r\n" },
        { "/api/v1/customers?keyword=%e5%8c%97", "GET /api/v1/customers?keyword=%e5%8c%97 HTTP/1.1\r\n" },
        { "/api/v1/customers/a%20b%3f%25", "GET /api/v1/customers/a%20b%3F%25 HTTP/1.1\r\n" },
        { "/api/v1/customers/\xe5\x8c\x97", "GET /api/v1/customers/%E5%8C%97 HTTP/1.1\r\n" },
    };
    (void)state;
    listener_open();
    struct replica gateway = gateway_to_listener("");
    for (size_t i = 0; i < COUNT(paths); i++) {
        pthread_t thread;
        const char *line = text("GET %s HTTP/1.1\r\nHost: localhost\r\n", paths[i].asked);
        const char *hops = "Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nX-Internal-Role: admin\r\nX-Forwarded-Host: evil\r\n";
        const char *bytes = text("%s%sAuthorization: Bearer %s\r\n\r\n", line, hops, stack.admin_token);
        memset(listener.head, 0, sizeof listener.head);
        pthread_create(&thread, NULL, hear_one, NULL);
        int fd = raw_connect(gateway.plain_url);
        raw_send(fd, bytes, strlen(bytes));
        assert_int_equal(raw_status(raw_reply(fd)), 200);
        pthread_join(thread, NULL);
        close(fd);
        has(listener.head, paths[i].gets);
        lacks(listener.head, "X-Hop"); /* RFC 9110 7.6.1 */
        lacks(listener.head, "Keep-Alive");
        lacks(listener.head, "Connection");
        lacks(listener.head, "X-Internal-"); /* nobody speaks as the gateway */
        lacks(listener.head, "X-Forwarded-Host");
    }
    assert_int_equal(replica_stop(&gateway), 0);
    close(listener.fd);
}

static void test_answer_that_is_none_is_502(void **state)
{
    (void)state;
    static const char *const replies[] = {
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    };
    listener_open();
    struct replica gateway = gateway_to_listener("");
    for (size_t i = 0; i < COUNT(replies); i++) {
        listener.reply = replies[i];
        expect_error(through(&gateway, NULL, NULL), 502, "BAD_GATEWAY", "");
    }
    assert_int_equal(replica_stop(&gateway), 0);
    close(listener.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replica_that_is_gone_costs_no_request),
        cmocka_unit_test(test_breaker_opens_and_closes_by_itself),
        cmocka_unit_test(test_forwarded_addresses_are_believed_of_trusted_proxies_only),
        cmocka_unit_test(test_trace_is_continued),
        cmocka_unit_test(test_path_goes_on_in_normal_form),
        cmocka_unit_test(test_answer_that_is_none_is_502),
    };
    return system_main("gateway_upstream", tests, COUNT(tests));
}
