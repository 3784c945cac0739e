/* SIGHUP: other settings for processes that go on serving. */
#include "crm.h"
#include "expect.h"
#include "load.h"
#include "pool.h"
#include "replica.h"
#include "stack.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- the file ----------------------------------------------------------------------------------------------------- */

static char dir[] = "/tmp/crm-reload-XXXXXX";

static const char *conf(void)
{
    return text("%s/crm.conf", dir);
}

/* As a ConfigMap does it: the old file or the new one, nothing between. */
static void conf_write(const char *lines)
{
    FILE *f = fopen(text("%s.new", conf()), "w");
    if (!f || fputs(lines, f) < 0 || fclose(f) || rename(text("%s.new", conf()), conf())) fail_msg("cannot write %s", conf());
}

/* The file decides what the environment leaves empty. */
static struct replica start_gateway(const char *lines)
{
    conf_write(lines);
    return replica_start("gateway", text("CONFIG_FILE=%s", conf()), "WORKERS=", "LOG_LEVEL=", "ACCESS_LOG=", "TLS_CERT_FILE=",
                         "UPSTREAM_CUSTOMER_SERVICE=", NULL);
}

static const char *certificate(void)
{
    return text("%.*s/server.crt", (int)(strrchr(stack.ca_cert, '/') - stack.ca_cert), stack.ca_cert);
}

/* All that a gateway here takes from the file, and more. */
static const char *lines(const char *upstream, const char *more)
{
    return text("TLS_CERT_FILE=%s\nUPSTREAM_CUSTOMER_SERVICE=%s\n%s\n", certificate(), upstream, more);
}

/* --- the log ------------------------------------------------------------------------------------------------------ */

struct wanted {
    const char *part, *and_part; /* of one line; and_part may be NULL */
    long from;                   /* bytes of the log that are older */
};

static long log_end(void)
{
    FILE *f = fopen(text("%s/replica.log", getenv("LOG_DIR")), "r");
    if (!f || fseek(f, 0, SEEK_END)) return 0;
    long at = ftell(f);
    fclose(f);
    return at;
}

static int log_count(const struct wanted *w)
{
    FILE *f = fopen(text("%s/replica.log", getenv("LOG_DIR")), "r");
    char line[8192];
    int n = 0;
    if (!f || fseek(f, w->from, SEEK_SET)) return 0;
    while (fgets(line, sizeof line, f)) n += strstr(line, w->part) && (!w->and_part || strstr(line, w->and_part));
    fclose(f);
    return n;
}

static bool is_logged(void *arg)
{
    return log_count(arg) > 0;
}

static void expect_logged(long from, const char *part, const char *and_part)
{
    expect(poll_until(10, is_logged, &(struct wanted){ part, and_part, from }), "the log has no line with %s and %s", part,
           and_part ? and_part : "");
}

/* --- metrics ------------------------------------------------------------------------------------------------------ */

/* The value of a line of /metrics; -1: there is none. */
static double metric(const struct replica *of, const char *name)
{
    const char *body = expect_status(http_send(&(struct request){ .method = "GET", .url = text("%s/metrics", of->url), .fresh = true }),
                                     200)->body;
    const char *at = strstr(body, text("\n%s ", name));
    return at ? atof(at + strlen(name) + 2) : -1;
}

struct awaited {
    const struct replica *of;
    const char *name;
    double at_least;
};

static bool is_reached(void *arg)
{
    const struct awaited *a = arg;
    return metric(a->of, a->name) >= a->at_least;
}

static void expect_metric(const struct replica *of, const char *name, double at_least)
{
    expect(poll_until(10, is_reached, &(struct awaited){ of, name, at_least }), "%s is %g", name, metric(of, name));
}

#define GOOD    "config_reloads_total{result=\"good\"}"
#define REFUSED "config_reloads_total{result=\"refused\"}"

static void reload(const struct replica *r, const char *settings, const char *result)
{
    double before = metric(r, result);
    conf_write(settings);
    kill(r->pid, SIGHUP);
    expect_metric(r, result, before + 1);
}

/* --- requests ----------------------------------------------------------------------------------------------------- */

static struct reply *ask(const struct replica *gateway, const char *forwarded_for)
{
    return http_send(&(struct request){ .method = "GET",
                                        .url = text("%s/api/v1/customers?size=1", gateway->https_url),
                                        .token = stack.admin_token,
                                        .headers = { forwarded_for ? text("X-Forwarded-For: %s", forwarded_for) : NULL },
                                        .fresh = true });
}

struct claim {
    const struct replica *gateway;
    const char *address;
    long from;
};

static bool is_believed(void *arg)
{
    const struct claim *c = arg;
    expect_status(ask(c->gateway, c->address), 200);
    return log_count(&(struct wanted){ text("\"peer\":\"%s\"", c->address), "\"level\":\"access\"", c->from }) > 0;
}

/* The gateway logs its access lines and takes 127.0.0.1 for a trusted proxy: asked until it does, for a worker may be late. */
static void expect_believed(const struct replica *gateway, const char *address)
{
    expect(poll_until(10, is_believed, &(struct claim){ gateway, address, log_end() }), "%s is not believed", address);
}

/* --- under load --------------------------------------------------------------------------------------------------- */

#define ACCESS_LINE "\"service\":\"gateway\",\"request_id\""
#define CREATED     "http_requests_total{operation=\"createCustomer\",status=\"2xx\"}"

struct busy {
    struct load *load;
    const struct replica *replica; /* or NULL: the gateway's access lines */
};

/* Twenty further requests, and none of them was seen. */
static bool sees_nothing(void *arg)
{
    const struct busy *b = arg;
    const struct wanted access = { ACCESS_LINE, NULL, 0 };
    double before = b->replica ? metric(b->replica, CREATED) : log_count(&access);
    expect(load_goes_on(b->load, 200, 20, 20), "the load stands still");
    return (b->replica ? metric(b->replica, CREATED) : log_count(&access)) == before;
}

static void test_settings_change_without_a_failed_request(void **state)
{
    (void)state;
    struct replica one = replica_start("customer-service", NULL), two = replica_start("customer-service", NULL);
    struct replica gateway = start_gateway(lines(one.url, "WORKERS=2"));
    struct load *load = load_start(gateway.https_url, 3);
    expect(load_goes_on(load, 200, 10, 20), "no load");
    expect_metric(&one, CREATED, 1);
    assert_true(metric(&two, CREATED) < 1);

    reload(&gateway, lines(text("%s, %s", one.url, two.url), "WORKERS=2"), GOOD);
    expect_metric(&two, CREATED, 1);
    reload(&gateway, lines(two.url, "WORKERS=2\nBREAKER_WINDOW_MS=5000"), GOOD);
    expect(poll_until(20, sees_nothing, &(struct busy){ load, &one }), "the address that was taken away is still asked");
    assert_int_equal(replica_stop(&one), 0);

    reload(&gateway, lines(two.url, "WORKERS=2\nACCESS_LOG=0\nLOG_LEVEL=error"), GOOD);
    expect(poll_until(20, sees_nothing, &(struct busy){ load, NULL }), "access lines are still written");
    for (int i = 0; i < 20; i++) reload(&gateway, lines(two.url, i % 2 ? "WORKERS=2" : "WORKERS=2\nACCESS_LOG=0"), GOOD);
    expect_logged(log_end(), ACCESS_LINE, NULL);
    load_stop(load);
    for (int i = 0; i < load_count(load); i++)
        expect(load_attempt(load, i)->status == 200, "request %d: %ld, %s", i, load_attempt(load, i)->status, load_attempt(load, i)->slug);
    assert_int_equal(replica_stop(&gateway), 0);
}

/* --- one by one --------------------------------------------------------------------------------------------------- */

static void test_trusted_proxies_and_level_change(void **state)
{
    (void)state;
    long from = log_end();
    struct replica gateway = start_gateway(lines(stack.customer_url, "LOG_LEVEL=error"));
    for (int i = 0; i < 5; i++) expect_status(ask(&gateway, "198.51.100.1"), 200);
    reload(&gateway, lines(stack.customer_url, "TRUSTED_PROXIES=127.0.0.0/8"), GOOD);
    expect_believed(&gateway, "198.51.100.2");
    expect_logged(from, "configuration reloaded", NULL); /* info: was not logged before */
    assert_int_equal(log_count(&(struct wanted){ "198.51.100.1", NULL, from }), 0);
    assert_int_equal(log_count(&(struct wanted){ "\"level\":\"info\"", "\"message\":\"configuration\"", from }), 0);
    assert_int_equal(replica_stop(&gateway), 0);
}

static void test_broken_settings_are_refused_as_a_whole(void **state)
{
    (void)state;
    const struct { const char *lines, *fault; } cases[] = {
        { lines(stack.customer_url, "ACCESS_LOG=0\nLOG_LEVEL=loud"), "crm.conf:4: LOG_LEVEL has no valid value" },
        { lines(stack.customer_url, "ACCESS_LOG=0\nACCES_LOG=1"), "crm.conf:4: there is no setting ACCES_LOG" },
        { lines(stack.customer_url, "ACCESS_LOG=0\nACCESS_LOG=1"), "crm.conf:4: sets a name that was set before" },
        { lines(stack.customer_url, "ACCESS_LOG=0\njunk"), "crm.conf:4: is not NAME=value" },
        { lines(stack.customer_url, "ACCESS_LOG=0\nTRUSTED_PROXIES=10.0.0.0/33"), "TRUSTED_PROXIES: 10.0.0.0/33: " },
        { lines(stack.customer_url, "ACCESS_LOG=0\nRATE_READ=600"), "RATE_READ is not a rate such as 600/min: 600" },
        { lines("ftp://127.0.0.1:1", "ACCESS_LOG=0"), "is not a URL that can be used: ftp://127.0.0.1:1" },
        { lines("http://127.0.0.1:1,", "ACCESS_LOG=0"), "upstream of customer-service" },
        { lines("", "ACCESS_LOG=0"), "UPSTREAM_CUSTOMER_SERVICE is required" },
        { text("UPSTREAM_CUSTOMER_SERVICE=http://127.0.0.1:1\nTLS_CERT_FILE=%s/none.crt\nACCESS_LOG=0", dir), "TLS_CERT_FILE holds no" },
        { text("TLS_CERT_FILE=%s\nACCESS_LOG=0\nCONFIG_FILE=other", certificate()), "crm.conf:3: CONFIG_FILE stands in the environment" },
    };
    struct replica gateway = start_gateway(lines(stack.customer_url, "TRUSTED_PROXIES=127.0.0.0/8"));
    double loaded = metric(&gateway, "config_last_good_timestamp_seconds");
    assert_true(loaded > 1e9);
    for (size_t i = 0; i < COUNT(cases); i++) {
        long from = log_end();
        reload(&gateway, cases[i].lines, REFUSED);
        expect_logged(from, cases[i].fault, "\"level\":\"error\"");
        expect_logged(from, "configuration not reloaded, the old one stays", "\"level\":\"error\"");
        expect_believed(&gateway, text("198.51.100.%zu", 10 + i));
    }
    long from = log_end();
    unlink(conf());
    kill(gateway.pid, SIGHUP);
    expect_logged(from, "crm.conf: No such file or directory", "\"level\":\"error\"");
    expect_believed(&gateway, "198.51.100.9");
    assert_true(metric(&gateway, GOOD) == 0);
    assert_true(metric(&gateway, REFUSED) == COUNT(cases) + 1);
    assert_true(metric(&gateway, "config_last_good_timestamp_seconds") == loaded);
    assert_int_equal(replica_stop(&gateway), 0);
}

static void test_what_is_not_live_waits_for_the_restart(void **state)
{
    (void)state;
    struct replica gateway = start_gateway(lines(stack.customer_url, "WORKERS=1"));
    long from = log_end();
    reload(&gateway, lines(stack.customer_url, "WORKERS=2\nTRUSTED_PROXIES=127.0.0.0/8\nHTTPS_ADDRESS=127.0.0.2"), GOOD);
    expect_logged(from, "setting takes effect at restart", "\"name\":\"WORKERS\",\"from\":1,\"to\":2");
    expect_logged(from, "setting takes effect at restart", "\"name\":\"HTTPS_ADDRESS\",\"from\":\"127.0.0.1\",\"to\":\"127.0.0.2\"");
    expect_logged(from, "setting changed", "\"name\":\"TRUSTED_PROXIES\",\"from\":\"\",\"to\":\"127.0.0.0/8\"");
    expect_believed(&gateway, "198.51.100.3");
    from = log_end(); /* the value that runs is the old one: it is said again */
    reload(&gateway, lines(stack.customer_url, "WORKERS=2\nTRUSTED_PROXIES=127.0.0.0/8"), GOOD);
    expect_logged(from, "setting takes effect at restart", "\"name\":\"WORKERS\",\"from\":1,\"to\":2");
    assert_int_equal(log_count(&(struct wanted){ "HTTPS_ADDRESS", NULL, from }), 0);
    assert_int_equal(replica_stop(&gateway), 0);
}

#define OF_CUSTOMERS "{service=\"customer-service\"}"
#define OF_LISTS     "{service=\"customer-service\",operation=\"listCustomers\"}"
#define LISTS(state) "breaker_state{service=\"customer-service\",operation=\"listCustomers\",state=\"" state "\"}"

/* Nobody listens on port 1: every request fails, and may be repeated. */
static void test_breaker_and_retries_follow_the_settings(void **state)
{
    (void)state;
    struct replica gateway = start_gateway(lines("http://127.0.0.1:1", "WORKERS=1\nRETRY_BUDGET_PERCENT=100"));
    expect_error(ask(&gateway, NULL), 503, "SERVICE_UNAVAILABLE", "");
    expect_metric(&gateway, "upstream_retries_total" OF_CUSTOMERS, 2);
    assert_true(metric(&gateway, "upstream_retries_refused_total" OF_CUSTOMERS) == 0);
    assert_true(metric(&gateway, LISTS("open")) == -1); /* not worth a line yet */
    assert_true(metric(&gateway, "upstream_hosts{service=\"customer-service\",state=\"usable\"}") == 1);

    reload(&gateway, lines("http://127.0.0.1:1", "WORKERS=1\nRETRY_BUDGET_PERCENT=100\nRETRIES_MAX=5\nRETRY_BACKOFF_MS=1"), GOOD);
    ask(&gateway, NULL);
    expect_metric(&gateway, "upstream_retries_total" OF_CUSTOMERS, 2 + 5);

    reload(&gateway, lines("http://127.0.0.1:1", "WORKERS=1\nRETRY_BUDGET_PERCENT=0\nRETRY_BUDGET_PER_SECOND=0"), GOOD);
    double retries = metric(&gateway, "upstream_retries_total" OF_CUSTOMERS);
    ask(&gateway, NULL);
    expect_metric(&gateway, "upstream_retries_refused_total" OF_CUSTOMERS, 1);
    assert_true(metric(&gateway, "upstream_retries_total" OF_CUSTOMERS) == retries);

    reload(&gateway, lines("http://127.0.0.1:1", "WORKERS=1\nBREAKER_MIN_REQUESTS=1\nBREAKER_OPEN_MS=600000\nBREAKER_OPEN_MAX_MS=600000"),
           GOOD);
    ask(&gateway, NULL);
    expect_metric(&gateway, LISTS("open"), 1);
    expect_metric(&gateway, "breaker_trips_total" OF_LISTS, 1);
    struct reply *refused = ask(&gateway, NULL);
    expect_error(refused, 503, "SERVICE_UNAVAILABLE", "");
    expect(atoi(header(refused, "Retry-After")) > 60, "%s", header(refused, "Retry-After"));
    expect_metric(&gateway, "breaker_refused_total" OF_LISTS, 1);
    assert_int_equal(replica_stop(&gateway), 0);
}

/* --- limits ------------------------------------------------------------------------------------------------------- */

struct posted {
    const char *url;
    long status;
};

static bool is_answered(void *arg)
{
    const struct posted *p = arg;
    struct reply *r = http_send(&(struct request){ .method = "POST",
                                                   .url = text("%s/api/v1/customers", p->url),
                                                   .token = stack.admin_token,
                                                   .body = text("{\"customer_name\":\"%s\",\"customer_type\":\"企业\"}", unique("c")),
                                                   .fresh = true });
    return r->status == p->status;
}

static void test_limits_change(void **state)
{
    (void)state;
    conf_write("");
    struct replica service = replica_start("customer-service", text("CONFIG_FILE=%s", conf()), "WORKERS=1", NULL);
    assert_true(is_answered(&(struct posted){ service.url, 200 }));
    reload(&service, "MAX_BODY_BYTES=10", GOOD);
    expect(poll_until(10, is_answered, &(struct posted){ service.url, 413 }), "the service takes bodies as before");
    struct replica gateway = start_gateway(lines(stack.customer_url, "WORKERS=1\nMAX_BODY_BYTES=10"));
    assert_true(is_answered(&(struct posted){ gateway.https_url, 413 }));
    reload(&gateway, lines(stack.customer_url, "WORKERS=1\nMAX_BODY_BYTES=1000"), GOOD);
    expect(poll_until(10, is_answered, &(struct posted){ gateway.https_url, 200 }), "the gateway refuses bodies as before");
    assert_int_equal(replica_stop(&gateway), 0);
    assert_int_equal(replica_stop(&service), 0);
}

/* --- services ----------------------------------------------------------------------------------------------------- */

static bool has_lifetime(void *arg)
{
    struct reply *r = http_send(&(struct request){
        .method = "POST",
        .url = text("%s/api/v1/auth/login", ((struct replica *)arg)->url),
        .body = text("{\"username\":\"%s\",\"password\":\"%s\"}", stack.username, stack.password),
        .fresh = true });
    return r->status == 200 && number_at(r, "expires_in") == 120;
}

static void test_services_reload_too(void **state)
{
    (void)state;
    conf_write("TOKEN_TTL_S=60\nPG_CONNECTIONS=1");
    struct replica auth = replica_start("auth-service", text("CONFIG_FILE=%s", conf()), "WORKERS=2", NULL);
    long from = log_end();
    reload(&auth, "TOKEN_TTL_S=120\nPG_CONNECTIONS=2", GOOD);
    expect(poll_until(10, has_lifetime, &auth), "tokens live as long as before");
    expect_logged(from, "setting takes effect at restart", "\"name\":\"PG_CONNECTIONS\"");
    from = log_end();
    reload(&auth, "TOKEN_TTL_S=240\nAPP_TIMEZONE=Asia/Nowhere", REFUSED);
    expect_logged(from, "APP_TIMEZONE: no such zone", "\"level\":\"error\"");
    for (int i = 0; i < 5; i++) assert_true(has_lifetime(&auth));
    assert_int_equal(replica_stop(&auth), 0);
}

static void test_broken_file_refuses_to_start(void **state)
{
    (void)state;
    const char *bin = getenv("BIN_DIR") ? getenv("BIN_DIR") : "build/release/bin";
    conf_write("UPSTREAM=1\nHTTPS_PORT=0\n");
    int status = system(text("CONFIG_FILE=%s %s/gateway 2>%s/said", conf(), bin, dir));
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_int_equal(system(text("grep -q 'crm.conf:1: there is no setting UPSTREAM' %s/said && "
                                 "grep -q 'crm.conf:2: HTTPS_PORT has no valid value' %s/said && "
                                 "grep -q 'TLS_CERT_FILE is required' %s/said", dir, dir, dir)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_change_without_a_failed_request),
        cmocka_unit_test(test_trusted_proxies_and_level_change),
        cmocka_unit_test(test_broken_settings_are_refused_as_a_whole),
        cmocka_unit_test(test_what_is_not_live_waits_for_the_restart),
        cmocka_unit_test(test_breaker_and_retries_follow_the_settings),
        cmocka_unit_test(test_limits_change),
        cmocka_unit_test(test_services_reload_too),
        cmocka_unit_test(test_broken_file_refuses_to_start),
    };
    if (!mkdtemp(dir)) return EXIT_FAILURE;
    int status = system_main("reload", tests, COUNT(tests));
    return system(text("rm -r %s", dir)) ? EXIT_FAILURE : status;
}
