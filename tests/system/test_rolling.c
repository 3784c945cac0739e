/* A rolling restart of every process, one replica after the other, while clients go on: issue 3, "loses nothing".
 *
 * What a cluster does is played here: clients are sent to gateways that say that they are ready, and a new process takes the
 * place of the one that has ended. */
#include "crm.h"
#include "expect.h"
#include "pool.h"
#include "replica.h"
#include "sql.h"
#include "stack.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 4, GATEWAYS = 2, REPLICAS = 2, FAULTS_MAX = 8 };

#define DRAIN "DRAIN_DELAY_MS=1000"

static struct {
    struct replica gateways[GATEWAYS];
    atomic_bool is_ready[GATEWAYS], is_over;
    atomic_int done, created;
    const char *run;
    atomic_int faults;
    const char *fault[FAULTS_MAX];
} city;

/* --- clients and their load balancer ------------------------------------------------------------------------------- */

static void pause_ms(int ms)
{
    nanosleep(&(struct timespec){ 0, ms * 1000000L }, NULL);
}

static void *watch_gateways(void *arg)
{
    (void)arg;
    while (!atomic_load(&city.is_over)) {
        for (int i = 0; i < GATEWAYS; i++) {
            const char *url = text("%s/readyz", city.gateways[i].url);
            atomic_store(&city.is_ready[i],
                         http_send(&(struct request){ .method = "GET", .url = url, .timeout_ms = 2000, .fresh = true })->status == 200);
        }
        pause_ms(50);
    }
    return NULL;
}

static const char *gateway_for(int n)
{
    int i = n % GATEWAYS;
    if (!atomic_load(&city.is_ready[i])) i = (i + 1) % GATEWAYS;
    return city.gateways[i].https_url;
}

static void note(const struct reply *r)
{
    if (r->status == 200) return;
    int n = atomic_fetch_add(&city.faults, 1);
    if (n < FAULTS_MAX) city.fault[n] = text("%s: %ld, %s: %s", r->what, r->status, curl_easy_strerror(r->error), r->body ? r->body : "");
}

/* A write without an Idempotency-Key, a read, and what auth-service answers; on connections that are kept, and on new ones. */
static void one_round(int n)
{
    const char *url = gateway_for(n);
    struct request q = { .method = "POST",
                         .url = text("%s/api/v1/customers", url),
                         .token = stack.admin_token,
                         .body = text("{\"customer_name\":\"%s-%d\",\"customer_type\":\"企业\"}", city.run, n),
                         .fresh = n % 4 == 0 };
    struct reply *created = http_send(&q);
    if (created->status == 200) atomic_fetch_add(&city.created, 1);
    note(created);
    q = (struct request){ .method = "GET", .url = text("%s/api/v1/customers?size=1", url), .token = stack.admin_token };
    note(http_send(&q));
    q.url = text("%s/api/v1/auth/validate", url);
    note(http_send(&q));
}

static void *client(void *arg)
{
    for (int n = (int)(intptr_t)arg; !atomic_load(&city.is_over); n += CLIENTS) {
        one_round(n);
        atomic_fetch_add(&city.done, 1);
    }
    return NULL;
}

static bool has_gone_on(void *arg)
{
    return atomic_load(&city.done) >= *(int *)arg;
}

static void goes_on(int rounds)
{
    int until = atomic_load(&city.done) + rounds;
    expect(poll_until(60, has_gone_on, &until), "no load");
}

/* --- processes ---------------------------------------------------------------------------------------------------- */

static int port_of(const struct replica *r)
{
    return atoi(strrchr(r->url, ':') + 1);
}

static struct replica service_at(const char *service, int port)
{
    return replica_start_at("127.0.0.1", port, service, "WORKERS=1", DRAIN, NULL);
}

static void roll_service(const char *service, struct replica *replicas)
{
    for (int i = 0; i < REPLICAS; i++) {
        goes_on(10);
        assert_int_equal(replica_stop(&replicas[i]), 0);
        goes_on(10);
        replicas[i] = service_at(service, port_of(&replicas[i]));
    }
}

static struct replica gateway_start(const struct replica *customers, const struct replica *auths)
{
    return replica_start("gateway", text("UPSTREAM_CUSTOMER_SERVICE=%s,%s", customers[0].url, customers[1].url),
                         text("UPSTREAM_AUTH_SERVICE=%s,%s", auths[0].url, auths[1].url), "UPSTREAM_CHECK_MS=100", "WORKERS=1",
                         DRAIN, NULL);
}

static void roll_gateways(const struct replica *customers, const struct replica *auths)
{
    for (int i = 0; i < GATEWAYS; i++) {
        goes_on(10);
        assert_int_equal(replica_stop(&city.gateways[i]), 0);
        struct replica next = gateway_start(customers, auths);
        goes_on(10); /* the other one had all of it */
        city.gateways[i] = next;
        goes_on(10);
    }
}

static void test_rolling_restart_of_every_process_loses_nothing(void **state)
{
    struct replica customers[REPLICAS], auths[REPLICAS];
    pthread_t threads[CLIENTS + 1];
    (void)state;
    city.run = unique("rolling");
    for (int i = 0; i < REPLICAS; i++) {
        customers[i] = service_at("customer-service", replica_port());
        auths[i] = service_at("auth-service", replica_port());
    }
    for (int i = 0; i < GATEWAYS; i++) city.gateways[i] = gateway_start(customers, auths);
    for (int i = 0; i < GATEWAYS; i++) atomic_store(&city.is_ready[i], true);
    pthread_create(&threads[CLIENTS], NULL, watch_gateways, NULL);
    for (intptr_t i = 0; i < CLIENTS; i++) pthread_create(&threads[i], NULL, client, (void *)i);
    roll_service("customer-service", customers);
    roll_service("auth-service", auths);
    roll_gateways(customers, auths);
    atomic_store(&city.is_over, true);
    for (int i = 0; i <= CLIENTS; i++) pthread_join(threads[i], NULL);
    int faults = atomic_load(&city.faults);
    for (int i = 0; i < faults && i < FAULTS_MAX; i++) fprintf(stderr, "%s\n", city.fault[i]);
    expect(faults == 0, "%d of %d requests have failed", faults, 3 * atomic_load(&city.done));
    assert_int_equal(sql_count(stack.customer_db, "SELECT count(*) FROM customers WHERE customer_name LIKE '%s-%%'", city.run),
                     atomic_load(&city.created));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rolling_restart_of_every_process_loses_nothing),
    };
    return system_main("rolling", tests, COUNT(tests));
}
