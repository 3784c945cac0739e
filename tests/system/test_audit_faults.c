/* Of all that must have a record there is one each, whatever is killed, away or full. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "records.h"
#include "replica.h"
#include "sql.h"
#include "stack.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void test_records_wait_for_auth_service(void **state)
{
    (void)state;
    own_stack_only();
    const char *id = unique("rq");
    part_signal("AUTH_SERVICE", SIGSTOP);
    struct reply *r = through(stack.gateway_url, stack.admin_token, "POST", "/api/v1/customers", "{}", id);
    part_signal("AUTH_SERVICE", SIGCONT);
    expect_status(r, 400);
    expect(r->seconds < 5, "%.1f s", r->seconds);
    assert_string_equal(recorded(id, "status"), "400");
}

static char *gateway_client(const char *what)
{
    return text("SERVICE_CLIENT_%s=%s", what, getenv(text("GATEWAY_CLIENT_%s", what)));
}

static struct replica gateway_with(const char *folder)
{
    return replica_start("gateway", text("AUDIT_FOLDER=%s", folder), text("AUTH_SERVICE_URL=%s", stack.auth_url), gateway_client("ID"),
                         gateway_client("SECRET"), NULL);
}

struct asking {
    const struct replica *gateway;
    long status;
};

static bool is_answered_so(void *arg)
{
    const struct asking *a = arg;
    return through(a->gateway->https_url, stack.admin_token, "POST", "/api/v1/customers", "{}", unique("rq"))->status == a->status;
}

static void test_without_a_disk_nothing_that_needs_a_record_is_done(void **state)
{
    (void)state;
    const char *folder = text("/tmp/crm-audit-%d", getpid());
    struct replica g = gateway_with(folder);
    struct asking asking = { &g, 400 };
    assert_true(is_answered_so(&asking));
    expect_error(through(g.https_url, "x", "GET", "/api/v1/customers", NULL, unique("rq")), 401, NULL, NULL);
    if (system(text("rm -rf %s", folder))) fail_msg("cannot remove %s", folder);
    asking.status = 503;
    expect(poll_until(20, is_answered_so, &asking), "writes go on without a disk");
    expect_status(through(g.https_url, stack.admin_token, "GET", "/api/v1/customers?size=1", NULL, unique("rq")), 200);
    assert_int_equal(mkdir(folder, 0700), 0);
    asking.status = 400;
    expect(poll_until(20, is_answered_so, &asking), "writes do not come back with the disk");
    assert_int_equal(replica_stop(&g), 0);
    if (system(text("rm -rf %s", folder))) fail_msg("cannot remove %s", folder);
}

static int lines_in(const char *files)
{
    char count[16] = "";
    FILE *f = popen(text("cat %s 2>/dev/null | wc -l", files), "r");
    if (!f || !fgets(count, sizeof count, f)) fail_msg("no count of %s", files);
    pclose(f);
    return atoi(count);
}

static bool is_carried(void *folder)
{
    return !lines_in(text("%s/*.full", (char *)folder));
}

/* A file that another gateway left, with records among it that no table takes. */
static void test_what_is_refused_stands_alone(void **state)
{
    (void)state;
    own_stack_only();
    char *folder = text("/tmp/crm-audit-%d", getpid()), *file = text("%s/%s.full", folder, sql(stack.auth_db, "SELECT gen_random_uuid()"));
    assert_int_equal(mkdir(folder, 0700), 0);
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    for (int i = 0; i < 40; i++) fprintf(f, "%s\n", i == 7 ? "{\"log_id\":\"x\"}" : i == 8 ? "no JSON" : record_of("2019-03-01T08:00:00Z"));
    assert_int_equal(fclose(f), 0);
    struct replica g = gateway_with(folder);
    expect(poll_until(20, is_carried, folder), "%d records are not carried", lines_in(text("%s/*.full", folder)));
    assert_int_equal(replica_stop(&g), 0);
    assert_int_equal(lines_in(text("%s/*.bad", folder)), 2);
    struct reply *r = verification("2019-03-01");
    assert_true(is_null_at(r, "data.broken") && number_at(r, "data.records") == 38);
    if (system(text("rm -rf %s", folder))) fail_msg("cannot remove %s", folder);
}

/* Clients that change a record through the gateway, and remember which of their requests were answered. */
enum { CLIENTS = 8, EACH_MAX = 4000 };
struct client {
    pthread_t thread;
    const char *run, *path;
    char answered[EACH_MAX];
    int count;
    bool *stop;
};

static void *client(void *arg)
{
    struct client *c = arg;
    while (!__atomic_load_n(c->stop, __ATOMIC_ACQUIRE) && c->count < EACH_MAX) {
        struct reply *r = through(stack.gateway_url, stack.admin_token, "PATCH", c->path, "{\"description\":\"改\"}",
                                  text("%s-%d", c->run, c->count));
        c->answered[c->count++] = r->status != 0;
        if (r->status != 200) nanosleep(&(struct timespec){ 0, 20 * 1000 * 1000 }, NULL);
    }
    return NULL;
}

static bool all_are_there(void *arg)
{
    const struct client *clients = arg;
    for (int i = 0; i < CLIENTS; i++) {
        const struct client *c = &clients[i];
        char *found = sql(stack.auth_db, "SELECT string_agg(DISTINCT substr(client_request_id, %zu), ',') FROM audit_records "
                                         "WHERE client_request_id LIKE '%s-%%'", strlen(c->run) + 2, c->run);
        char *list = text(",%s,", found);
        for (int k = 0; k < c->count; k++)
            if (c->answered[k] && !strstr(list, text(",%d,", k))) return false;
    }
    return true;
}

static int done_by(const struct client *clients)
{
    int n = 0;
    for (int i = 0; i < CLIENTS; i++) n += __atomic_load_n(&clients[i].count, __ATOMIC_RELAXED);
    return n;
}

struct progress {
    const struct client *clients;
    int until;
};

static bool has_gone_on(void *arg)
{
    const struct progress *p = arg;
    return done_by(p->clients) >= p->until;
}

static void test_kills_lose_no_record_of_an_answer(void **state)
{
    (void)state;
    own_stack_only();
    static const char *const victims[] = { "GATEWAY", "PG", "GATEWAY", "REDIS", "AUTH_SERVICE", "GATEWAY" };
    static struct client clients[CLIENTS];
    bool stop = false;
    target(stack.customer_url);
    for (int i = 0; i < CLIENTS; i++) {
        char *path = customer_path(customer(unique("审"), NULL));
        clients[i] = (struct client){ .run = text("%s", unique("kill")), .path = path, .stop = &stop };
        pthread_create(&clients[i].thread, NULL, client, &clients[i]);
    }
    for (size_t i = 0; i < COUNT(victims); i++) {
        expect(poll_until(60, has_gone_on, &(struct progress){ clients, done_by(clients) + 100 }), "no load after %zu kills", i);
        pid_t old = part_pid(victims[i]);
        part_signal(victims[i], SIGKILL);
        expect(part_is_new(victims[i], old, 30), "%s is not started again", victims[i]);
        sql_forget();
    }
    expect(url_is_ready(stack.gateway_admin_url, 60) && url_is_ready(stack.auth_url, 60), "not ready in the end");
    expect(poll_until(60, has_gone_on, &(struct progress){ clients, done_by(clients) + 100 }), "no load in the end");
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    for (int i = 0; i < CLIENTS; i++) pthread_join(clients[i].thread, NULL);
    expect(poll_until(60, all_are_there, clients), "records of answered requests are missing");
    assert_int_equal(sql_count(stack.auth_db, "SELECT count(*) FROM (SELECT FROM audit_records WHERE client_request_id LIKE 'kill-%%' "
                                              "GROUP BY client_request_id HAVING count(*) > 1) x"), 0);
    assert_true(is_null_at(verification(today()), "data.broken"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_wait_for_auth_service),
        cmocka_unit_test(test_without_a_disk_nothing_that_needs_a_record_is_done),
        cmocka_unit_test(test_what_is_refused_stands_alone),
        cmocka_unit_test(test_kills_lose_no_record_of_an_answer),
    };
    return system_main("audit_faults", tests, COUNT(tests));
}
